// SPDX-License-Identifier: Apache-2.0
//
// fuzz_one() runs a target on one input. Each target defines it; libfuzzer_entry.cpp or
// replay_main.cpp calls it. The input is valid only during the call.
// Thread: owner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace onehop::fuzz {

void fuzz_one(std::string_view input);

// Removes and returns the first byte of `rest`, which must not be empty.
inline std::uint8_t take_byte(std::string_view& rest) {
  const auto byte = static_cast<std::uint8_t>(rest.front());
  rest.remove_prefix(1);
  return byte;
}

// Removes and returns the text up to a NUL or the end of the input.
inline std::string_view take_text(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\0'), rest.size());
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return text;
}

}  // namespace onehop::fuzz
