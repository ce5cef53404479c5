// SPDX-License-Identifier: Apache-2.0
//
// Helpers of the mutators of scripts and frames. Linked with libFuzzer only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace onehop::fuzz {

using Random = std::minstd_rand;

inline std::size_t below(Random& random, std::size_t bound) {
  return bound < 2 ? 0 : random() % bound;
}

// Returns a random item of a non-empty sequence.
template <class Item>
Item& any_of(std::vector<Item>& all, Random& random) {
  return all[below(random, all.size())];
}

template <class Item>
void insert(std::vector<Item>& all, Random& random, Item item) {
  const std::size_t place = below(random, all.size() + 1);
  all.insert(all.begin() + static_cast<std::ptrdiff_t>(place), std::move(item));
}

// Removes or repeats a random item, or swaps two.
template <class Item>
void move_about(std::vector<Item>& all, Random& random) {
  switch (random() % 3) {
    case 0:
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(below(random, all.size())));
      break;
    case 1:
      insert(all, random, Item(any_of(all, random)));
      break;
    default:
      std::swap(any_of(all, random), any_of(all, random));
  }
}

// Applies libFuzzer's mutations, with its dictionary and its table of comparisons.
inline void mutate_text(std::string& text, std::size_t max) {
  const std::size_t size = std::min(text.size(), max);
  text.resize(max);
  text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, max));
}

}  // namespace onehop::fuzz
