// SPDX-License-Identifier: Apache-2.0
#include "upstream/key_hash.hpp"

#include <cmath>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace onehop::upstream {
namespace {

constexpr std::uint64_t kSeed = 0;  // the seed of every hash; it must never change

}  // namespace

std::uint64_t hash_of(std::string_view text) noexcept {
  return XXH3_64bits_withSeed(text.data(), text.size(), kSeed);
}

// If n independent variables are exponentially distributed, the one with the rate w is the smallest
// with the probability w / (sum of the rates).
double rank_of(std::uint64_t key, std::uint64_t endpoint, double weight) noexcept {
  const std::uint64_t mixed = XXH3_64bits_withSeed(&endpoint, sizeof endpoint, key);
  constexpr double kTwoTo53 = 9007199254740992.0;
  const double uniform = (static_cast<double>(mixed >> 11U) + 0.5) / kTwoTo53;
  return std::exp(std::log(uniform) / weight);
}

}  // namespace onehop::upstream
