// SPDX-License-Identifier: Apache-2.0
//
// SourceLines splits a text into lines, without line ends and a byte order mark, and converts
// places in it. Lines and columns count from 1; columns count code points.
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
  std::size_t begin = 0;  // the first byte in the line
  std::size_t size = 0;
};

// Returns the text without the byte order mark that some editors put in front of UTF-8.
std::string_view without_byte_order_mark(std::string_view text);

class SourceLines {
 public:
  SourceLines() = default;
  explicit SourceLines(std::string_view text);

  std::size_t count() const noexcept { return lines_.size(); }
  // Returns "" for a line that does not exist.
  std::string_view line(std::size_t number) const;

  // Returns the part of a line between two bytes of the line.
  Region region(std::size_t line, std::size_t begin, std::size_t end) const;
  // Returns the part between two places that a parser reports; the end is exclusive. The part ends
  // with its first line at the latest.
  Region between(std::size_t line,
                 std::size_t column,
                 std::size_t end_line,
                 std::size_t end_column) const;
  std::string_view text_of(const Region& region) const;
  // Returns an empty excerpt if the line is too long for a person to read. A list on one line may
  // have many values, and each would keep a copy of the whole line.
  Excerpt excerpt(const Region& region) const;

 private:
  struct Line {
    std::string text;
    bool is_ascii;  // columns are bytes
  };

  bool is_ascii(std::size_t number) const;
  std::size_t offset_of(std::size_t line, std::size_t column) const;

  std::vector<Line> lines_;
};

}  // namespace onehop::config
