// SPDX-License-Identifier: Apache-2.0
#include "config/plain_text.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"
#include "config/display_width.hpp"

#include <algorithm>
#include <array>

namespace onehop::config {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Control characters except tab and line feed, marks of the text direction, and separators of lines
// and paragraphs.
constexpr std::array<Range, 8> kUnprintable{{
    {0x00, 0x08},
    {0x0b, 0x1f},
    {0x7f, 0x9f},
    {0x61c, 0x61c},
    {0x200e, 0x200f},
    {0x2028, 0x202e},
    {0x2066, 0x2069},
    {0xfff9, 0xfffb},
}};

bool is_printable(char32_t point) {
  return std::ranges::none_of(kUnprintable, [point](const Range& range) {
    return point >= range.first && point <= range.last;
  });
}

}  // namespace

std::string_view trimmed(std::string_view text, std::string_view blanks) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return ascii::to_lower(c); });
  return result;
}

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, offset_of_code_point(text, 1));
    const bool is_good = is_utf8(one) && is_printable(first_code_point(one));
    shown += is_good ? one : "?";
    text.remove_prefix(one.size());
  }
  return shown;
}

}  // namespace onehop::config
