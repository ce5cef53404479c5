// SPDX-License-Identifier: Apache-2.0
//
// fuzz_one(): what a target does with one input. Each target defines it; libfuzzer_entry.cpp or
// replay_main.cpp calls it. One thread; the input is borrowed for the call.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace onehop::fuzz {

void fuzz_one(std::string_view input);

// Takes a byte off the front of what is not empty.
inline std::uint8_t take_byte(std::string_view& rest) {
  const auto byte = static_cast<std::uint8_t>(rest.front());
  rest.remove_prefix(1);
  return byte;
}

// Takes a text that ends in a NUL, or with the input, off the front.
inline std::string_view take_text(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\0'), rest.size());
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return text;
}

}  // namespace onehop::fuzz
