// SPDX-License-Identifier: Apache-2.0
//
// Bytes as two hexadecimal digits each.
// Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
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

inline std::string to_hexadecimal(std::string_view text) {
  std::string digits;
  digits.reserve(2 * text.size());
  for (const char character : text)
    append_hexadecimal(digits, static_cast<unsigned char>(character));
  return digits;
}

// std::nullopt if `digits` are not pairs of lower-case digits.
inline std::optional<std::string> from_hexadecimal(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string text;
  text.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const std::size_t high = kLowerHex.find(digits[i]);
    const std::size_t low = kLowerHex.find(digits[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    text += static_cast<char>(high * 16 + low);
  }
  return text;
}

}  // namespace onehop
