// SPDX-License-Identifier: Apache-2.0
//
// SourceLines: a text as lines, without their ends and a byte order mark, and the places in it.
// Lines and columns count from 1, columns in code points.
// Thread: any; constant.
#pragma once

#include "config/finding.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::config {

// A part of one line.
struct Region {
  std::size_t line = 0;
  std::size_t column = 0;
  std::size_t begin = 0;  // in bytes of the line
  std::size_t size = 0;
};

// Some editors put the mark in front of a text in UTF-8; it is not part of it.
std::string_view without_byte_order_mark(std::string_view text);

class SourceLines {
 public:
  SourceLines() = default;
  explicit SourceLines(std::string_view text);

  std::size_t count() const noexcept { return lines_.size(); }
  // Returns "" for a line that does not exist.
  std::string_view line(std::size_t number) const;

  // The part of a line between two bytes of it.
  Region region(std::size_t line, std::size_t begin, std::size_t end) const;
  // The part between two places as a parser reports them: the end is exclusive. It ends with the
  // first line.
  Region between(std::size_t line,
                 std::size_t column,
                 std::size_t end_line,
                 std::size_t end_column) const;
  std::string_view text_of(const Region& region) const;
  // Empty if the line is longer than a person reads: a list on one line has many values, and each
  // would keep the whole line.
  Excerpt excerpt(const Region& region) const;

 private:
  struct Line {
    std::string text;
    bool is_ascii;  // a column is the number of a byte
  };

  bool is_ascii(std::size_t number) const;
  std::size_t offset_of(std::size_t line, std::size_t column) const;

  std::vector<Line> lines_;
};

}  // namespace onehop::config
