// SPDX-License-Identifier: Apache-2.0
//
// Writes bytes as two hexadecimal digits each.
// Thread: any.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace onehop {

inline constexpr std::string_view kLowerHex = "0123456789abcdef";
inline constexpr std::string_view kUpperHex = "0123456789ABCDEF";

constexpr std::array<char, 2> hexadecimal(unsigned char byte,
                                          std::string_view digits = kLowerHex) noexcept {
  return {digits[byte >> 4U], digits[byte & 15U]};
}

inline void append_hexadecimal(std::string& out,
                               unsigned char byte,
                               std::string_view digits = kLowerHex) {
  const auto two = hexadecimal(byte, digits);
  out.append(two.data(), two.size());
}

}  // namespace onehop
