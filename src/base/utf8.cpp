// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.hpp"

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

}  // namespace onehop
