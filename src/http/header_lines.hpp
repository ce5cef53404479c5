// SPDX-License-Identifier: Apache-2.0
//
// HeaderLines and HeaderWriter let codecs read and change the lines of Headers as they are stored,
// and use the arena that holds their text. Both are views: the Headers must outlive them.
// Thread: owner.
#pragma once

#include <onehop/headers.hpp>

#include "base/arena.hpp"
#include "http/field_names.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace onehop {

using detail::FieldLine;

// Reads the lines, in order.
class HeaderLines {
 public:
  explicit HeaderLines(const Headers& headers) noexcept : headers_(headers) {}

  const FieldLine* begin() const noexcept { return headers_.lines_; }
  const FieldLine* end() const noexcept { return headers_.lines_ + headers_.size_; }
  std::size_t size() const noexcept { return headers_.size_; }
  const FieldLine& operator[](std::size_t i) const noexcept { return headers_.lines_[i]; }
  // Reports whether a line has the name `id`. For FieldId::unknown, reports whether a line has any
  // name that is not in the table.
  bool has(FieldId id) const noexcept { return (headers_.present_ & bit_of(id)) != 0; }
  // Returns the arena of the text, or null if none has been needed yet.
  const ArenaRef& arena_or_none() const noexcept { return headers_.arena_; }

 private:
  const Headers& headers_;
};

// Changes lines without the checks of Headers.
class HeaderWriter {
 public:
  explicit HeaderWriter(Headers& headers) noexcept : headers_(headers) {}

  // Returns empty Headers whose text will be in `arena`.
  static Headers headers_in(ArenaRef arena) noexcept { return Headers(std::move(arena)); }

  // Returns the arena of the text, which is created on first use.
  const ArenaRef& arena() { return headers_.arena(); }
  void reserve(std::size_t lines) { headers_.reserve(lines); }
  // Appends a line whose text is already in arena().
  void append(const FieldLine& line) { headers_.append(line); }
  // Appends the `count` lines that make(0), make(1) ... return.
  template <class Make>
  void append_lines(std::size_t count, Make make) {
    headers_.reserve(headers_.size_ + count);
    std::uint64_t present = headers_.present_;
    for (std::size_t i = 0; i < count; ++i) {
      const FieldLine& line = headers_.lines_[headers_.size_ + i] = make(i);
      present |= bit_of(line.id);
    }
    headers_.size_ += static_cast<std::uint32_t>(count);
    headers_.present_ = present;
  }
  // Like Headers::add() and Headers::set(), for a name and a value known to be valid.
  void add_valid(FieldName name, std::string_view value);
  void set_valid(FieldName name, std::string_view value);
  // Removes every line for which unwanted(line) is true, and returns their number.
  template <class Predicate>
  std::size_t erase_if(Predicate unwanted) {
    return headers_.erase_lines(std::move(unwanted));
  }

 private:
  Headers& headers_;
};

}  // namespace onehop
