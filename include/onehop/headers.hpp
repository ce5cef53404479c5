// SPDX-License-Identifier: Apache-2.0
//
// Headers is the ordered list of the field lines of a message; names are compared without case
// (RFC 9110 §5). The text is kept in the memory of the exchange, which only grows: a view stays
// valid through later changes, until the last message of the exchange is destroyed.
// Thread: owner.
#pragma once

#include <onehop/detail/field_line.hpp>
#include <onehop/detail/memory.hpp>
#include <onehop/error.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop {

class HeaderLines;   // read access for codecs; internal
class HeaderWriter;  // write access for codecs; internal

// FieldName is a field name that has been looked up in the table of known names, so that comparing
// it takes one byte. It is a view: the text must outlive it, as a literal does.
class FieldName {
 public:
  FieldName(std::string_view text) noexcept;  // NOLINT(google-explicit-constructor): reads as text
  FieldName(const char* text) noexcept : FieldName(std::string_view(text)) {}         // NOLINT
  FieldName(const std::string& text) noexcept : FieldName(std::string_view(text)) {}  // NOLINT

  // The name as it was written, case included.
  constexpr std::string_view text() const noexcept { return text_; }

 private:
  friend struct detail::FieldNames;
  constexpr FieldName(detail::FieldId id, std::string_view text) noexcept : text_(text), id_(id) {}

  std::string_view text_;
  detail::FieldId id_;
};

class Headers {
 public:
  Headers() noexcept = default;
  // Copies the text: Headers{{"Accept", "text/html"}}. Throws as add() does.
  Headers(std::initializer_list<Field> fields);
  Headers(Headers&& other) noexcept;
  Headers& operator=(Headers&& other) noexcept;
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  ~Headers() = default;

  // Returns a copy, which shares the text. There is no other way to copy.
  Headers clone() const;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  // Returns the value of the first line with that name.
  std::optional<std::string_view> get(FieldName name) const noexcept;
  // The same, or "" if there is none.
  std::string_view get_or_empty(FieldName name) const noexcept;
  // Reports whether there is a line with that name.
  bool has(FieldName name) const noexcept;
  // Every value with that name, in order.
  std::vector<std::string_view> get_all(FieldName name) const;
  // Reports whether `token` is a member of the comma-separated list of all lines with that name,
  // ignoring case (RFC 9110 §5.6.1). For Connection, Upgrade, TE and similar fields.
  bool has_token(FieldName name, std::string_view token) const noexcept;

  // set() replaces the first line with that name and removes the others; add() appends a line. Both
  // copy the text. They throw std::invalid_argument if the name is not a token or the value
  // contains CR, LF, NUL or another control character; in a handler that becomes a 500.
  void set(FieldName name, std::string_view value);
  void add(FieldName name, std::string_view value);
  // try_set() and try_add() are the same for untrusted text: they return Errc::bad_field instead.
  Result<void> try_set(FieldName name, std::string_view value);
  Result<void> try_add(FieldName name, std::string_view value);
  // Removes all lines with that name and returns their number.
  std::size_t erase(FieldName name);
  void clear() noexcept;

  // Removes every line for which `unwanted`, a function of a Field, returns true, and returns their
  // number. The others keep their order. If `unwanted` throws, the lines that it has not seen are
  // kept.
  template <class Predicate>
  std::size_t erase_if(Predicate unwanted) {
    return erase_lines(
        [&unwanted](const detail::FieldLine& line) -> bool { return unwanted(line.field()); });
  }

  using iterator = detail::FieldIterator;
  iterator begin() const noexcept { return iterator(lines_); }
  iterator end() const noexcept { return iterator(lines_ + size_); }

 private:
  friend class HeaderLines;
  friend class HeaderWriter;
  using Line = detail::FieldLine;

  explicit Headers(detail::ArenaRef arena) noexcept : arena_(std::move(arena)) {}
  const Line* find(FieldName name) const noexcept;
  void append(const Line& line);
  void reserve(std::size_t lines);
  template <class Predicate>
  std::size_t erase_lines(Predicate unwanted) {
    std::size_t kept = 0;
    std::size_t next = 0;
    const std::size_t before = size_;
    try {
      for (; next < before; ++next) {
        if (unwanted(static_cast<const Line&>(lines_[next]))) continue;
        if (kept != next) lines_[kept] = lines_[next];
        ++kept;
      }
    } catch (...) {
      close_gap(kept, next);
      throw;
    }
    if (kept != before) close_gap(kept, before);
    return before - kept;
  }
  // Removes the lines from `first` up to but not including `end`.
  void close_gap(std::size_t first, std::size_t end) noexcept;
  const detail::ArenaRef& arena();  // creates it on first use
  void recount() noexcept;

  detail::ArenaRef arena_;  // the memory of the text
  Line* lines_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  std::uint64_t present_ = 0;  // one bit per known name (a name may share the last bit)
};

}  // namespace onehop
