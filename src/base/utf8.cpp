// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.hpp"

#include <algorithm>
#include <array>

namespace onehop {
namespace {

struct Shape {
  std::size_t size;
  // The range of the second byte; later ones are 0x80 to 0xbf.
  unsigned char second_from;
  unsigned char second_to;
};

Shape shape_of(unsigned char first) noexcept {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xc2) return {0, 0, 0};
  if (first < 0xe0) return {2, 0x80, 0xbf};
  if (first == 0xe0) return {3, 0xa0, 0xbf};
  if (first == 0xed) return {3, 0x80, 0x9f};
  if (first < 0xf0) return {3, 0x80, 0xbf};
  if (first == 0xf0) return {4, 0x90, 0xbf};
  if (first < 0xf4) return {4, 0x80, 0xbf};
  if (first == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

struct Range {
  char32_t first, last;
};

constexpr std::array<Range, 8> kInvisible{{
    {0x00, 0x1f},
    {0x7f, 0x9f},
    {0x61c, 0x61c},
    {0x200b, 0x200f},
    {0x2028, 0x202e},
    {0x2060, 0x2069},
    {0xfeff, 0xfeff},
    {0xfff9, 0xfffb},
}};

}  // namespace

std::size_t utf8_character_size(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Shape shape = shape_of(byte(0));
  if (shape.size == 0 || shape.size > text.size()) return 0;
  if (shape.size > 1 && (byte(1) < shape.second_from || byte(1) > shape.second_to)) return 0;
  for (std::size_t i = 2; i < shape.size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  return shape.size;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = utf8_character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

char32_t utf8_code_point(std::string_view character) noexcept {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first;
  char32_t code = first & (0x7fU >> character.size());
  for (const char c : character.substr(1))
    code = (code << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
  return code;
}

bool is_invisible(char32_t code) noexcept {
  return std::ranges::any_of(
      kInvisible, [code](Range range) { return range.first <= code && code <= range.last; });
}

}  // namespace onehop
