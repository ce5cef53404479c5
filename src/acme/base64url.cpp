// SPDX-License-Identifier: Apache-2.0
#include "acme/base64url.hpp"

#include <cstdint>

namespace onehop::acme {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr unsigned kBitsPerDigit = 6;
constexpr unsigned kBitsPerByte = 8;

}  // namespace

std::string to_base64url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : bytes) {
    bits = (bits << kBitsPerByte) | static_cast<unsigned char>(c);
    count += kBitsPerByte;
    while (count >= kBitsPerDigit) {
      count -= kBitsPerDigit;
      text += kDigits[(bits >> count) & 63U];
    }
  }
  if (count > 0) text += kDigits[(bits << (kBitsPerDigit - count)) & 63U];
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == kDigits.npos) return std::nullopt;
    bits = (bits << kBitsPerDigit) | static_cast<std::uint32_t>(digit);
    count += kBitsPerDigit;
    if (count < kBitsPerByte) continue;
    count -= kBitsPerByte;
    bytes += static_cast<char>((bits >> count) & 255U);
  }
  // A single digit is less than a byte, and bits that are left over are 0.
  if (count == kBitsPerDigit || (bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace onehop::acme
