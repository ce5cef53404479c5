// SPDX-License-Identifier: Apache-2.0
#include "config/source_lines.hpp"

#include "config/display_width.hpp"

#include <algorithm>

namespace onehop::config {
namespace {

constexpr std::size_t kMaxExcerpt = 4096;

bool has_ascii_only(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

SourceLines::SourceLines(std::string_view text) {
  text = without_byte_order_mark(text);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines_.push_back({std::string(line), has_ascii_only(line)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view SourceLines::line(std::size_t number) const {
  if (number == 0 || number > lines_.size()) return {};
  return lines_[number - 1].text;
}

bool SourceLines::is_ascii(std::size_t number) const {
  return number != 0 && number <= lines_.size() && lines_[number - 1].is_ascii;
}

std::size_t SourceLines::offset_of(std::size_t line, std::size_t column) const {
  const std::string_view text = this->line(line);
  const std::size_t index = column == 0 ? 0 : column - 1;
  return is_ascii(line) ? std::min(index, text.size()) : offset_of_code_point(text, index);
}

Region SourceLines::region(std::size_t line, std::size_t begin, std::size_t end) const {
  const std::string_view text = this->line(line);
  begin = std::min(begin, text.size());
  end = std::clamp(end, begin, text.size());
  const std::size_t before = is_ascii(line) ? begin : count_code_points(text.substr(0, begin));
  return {line, before + 1, begin, end - begin};
}

Region SourceLines::between(std::size_t line,
                            std::size_t column,
                            std::size_t end_line,
                            std::size_t end_column) const {
  const bool goes_on = end_line > line || end_column == 0;
  const std::size_t end = goes_on ? this->line(line).size() : offset_of(line, end_column);
  return region(line, offset_of(line, column), end);
}

std::string_view SourceLines::text_of(const Region& region) const {
  return line(region.line).substr(region.begin, region.size);
}

Excerpt SourceLines::excerpt(const Region& region) const {
  const std::string_view text = line(region.line);
  if (text.size() > kMaxExcerpt) return {};
  return {std::string(text), region.begin, region.size};
}

}  // namespace onehop::config
