// SPDX-License-Identifier: Apache-2.0
#include "config/display_width.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <array>

namespace onehop::config {
namespace {

struct WideBlock {
  char32_t first;
  char32_t last;
};

// East Asian wide and fullwidth characters and emoji, in blocks (Unicode Standard Annex 11).
constexpr std::array<WideBlock, 12> kWide{{
    {0x1100, 0x115f},
    {0x2e80, 0x303e},
    {0x3041, 0x33ff},
    {0x3400, 0x4dbf},
    {0x4e00, 0x9fff},
    {0xa000, 0xa4cf},
    {0xac00, 0xd7a3},
    {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},
    {0xff00, 0xff60},
    {0x1f300, 0x1faff},
    {0x20000, 0x3fffd},
}};

// Characters that are drawn over the previous one, or not at all.
constexpr std::array<WideBlock, 6> kZero{{
    {0x0300, 0x036f},
    {0x200b, 0x200f},
    {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f},
    {0xfeff, 0xfeff},
}};

template <std::size_t kSize>
bool is_in(const std::array<WideBlock, kSize>& ranges, char32_t point) {
  return std::ranges::any_of(ranges, [point](const WideBlock& range) {
    return point >= range.first && point <= range.last;
  });
}

// Returns the number of bytes of the code point at `at`; 1 for a byte that is not UTF-8.
std::size_t size_at(std::string_view text, std::size_t at) {
  return std::max<std::size_t>(utf8_character_size(text.substr(at)), 1);
}

// Returns the code point of `size` bytes at `at`, or the byte itself if it is not UTF-8.
char32_t point_at(std::string_view text, std::size_t at, std::size_t size) {
  return utf8_code_point(text.substr(at, size));
}

std::size_t width_of(char32_t point) {
  if (is_in(kZero, point)) return 0;
  return is_in(kWide, point) ? 2 : 1;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = size_at(text, at);
    width += width_of(point_at(text, at, size));
    at += size;
  }
  return width;
}

std::string blanks_below(std::string_view text) {
  std::string blanks;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = size_at(text, at);
    const char32_t point = point_at(text, at, size);
    if (point == '\t') {
      blanks += '\t';
    } else {
      blanks.append(width_of(point), ' ');
    }
    at += size;
  }
  return blanks;
}

std::size_t offset_of_code_point(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index)
    at += size_at(text, at);
  return at;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count)
    at += size_at(text, at);
  return count;
}

}  // namespace onehop::config
