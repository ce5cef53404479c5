// SPDX-License-Identifier: Apache-2.0
//
// Headers is the ordered list of the field lines of a message; names are compared without case
// (RFC 9110 §5). The text is kept in the memory of the exchange, which only grows: a view stays
// valid through later changes, until the last message of the exchange is destroyed. One thread at a
// time.
#pragma once

#include <onehop/error.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop {

class Arena;  // the append-only memory behind the messages of one exchange; internal
enum class FieldId : std::uint8_t;  // index into the table of known names; internal

// A counted reference to an Arena. Not atomic: messages belong to one thread at a time.
class ArenaRef {
 public:
  ArenaRef() noexcept = default;
  explicit ArenaRef(Arena* adopted) noexcept : arena_(adopted) {}
  ArenaRef(const ArenaRef& other) noexcept : arena_(other.arena_) { retain(); }
  ArenaRef(ArenaRef&& other) noexcept : arena_(std::exchange(other.arena_, nullptr)) {}
  ArenaRef& operator=(ArenaRef other) noexcept {
    std::swap(arena_, other.arena_);
    return *this;
  }
  ~ArenaRef() { release(); }

  Arena* get() const noexcept { return arena_; }
  Arena* operator->() const noexcept { return arena_; }
  Arena& operator*() const noexcept { return *arena_; }
  explicit operator bool() const noexcept { return arena_ != nullptr; }

 private:
  void retain() const noexcept;
  void release() noexcept;

  Arena* arena_ = nullptr;
};

// FieldName is a field name that has been looked up in the table of known names, so that comparing
// it takes one byte. It is a view: the text must outlive it, as a literal does.
class FieldName {
 public:
  FieldName(std::string_view text) noexcept;  // NOLINT(google-explicit-constructor): reads as text
  FieldName(const char* text) noexcept : FieldName(std::string_view(text)) {}         // NOLINT
  FieldName(const std::string& text) noexcept : FieldName(std::string_view(text)) {}  // NOLINT
  constexpr FieldName(FieldId id, std::string_view text) noexcept : text_(text), id_(id) {}

  constexpr std::string_view text() const noexcept { return text_; }
  constexpr FieldId id() const noexcept { return id_; }

 private:
  std::string_view text_;
  FieldId id_;
};

// One field line. A view into its message.
struct Field {
  std::string_view name;   // as received: case is kept
  std::string_view value;  // without surrounding blanks
};

class Headers {
 public:
  Headers() noexcept = default;
  explicit Headers(ArenaRef arena) noexcept : arena_(std::move(arena)) {}
  Headers(std::initializer_list<Field> fields);
  Headers(Headers&& other) noexcept;
  Headers& operator=(Headers&& other) noexcept;
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  ~Headers() = default;

  // Returns a second list over the same text. There is no other way to copy.
  Headers clone() const;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  // The value of the first line with that name.
  std::optional<std::string_view> get(FieldName name) const noexcept;
  // The same, or "" if there is none.
  std::string_view get_or_empty(FieldName name) const noexcept;
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
  // The same for untrusted text: they return Errc::bad_field instead.
  Result<void> try_set(FieldName name, std::string_view value);
  Result<void> try_add(FieldName name, std::string_view value);
  // Removes all lines with that name and returns their number.
  std::size_t erase(FieldName name);
  void clear() noexcept;

  // A line as stored. The first ones of a parsed head lie in one block, exactly as received.
  struct Line {
    const char* name_data;
    const char* value_data;
    std::uint32_t value_size;
    std::uint16_t name_size;
    FieldId id;
    bool verbatim;  // the bytes from name_data on are "name: value" CRLF

    Field field() const noexcept { return {{name_data, name_size}, {value_data, value_size}}; }
  };

  class iterator {
   public:
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    iterator() noexcept = default;
    explicit iterator(const Line* line) noexcept : line_(line) {}
    Field operator*() const noexcept { return line_->field(); }
    iterator& operator++() noexcept {
      ++line_;
      return *this;
    }
    iterator operator++(int) noexcept { return iterator(line_++); }
    friend bool operator==(iterator, iterator) noexcept = default;

   private:
    const Line* line_ = nullptr;
  };
  iterator begin() const noexcept { return iterator(lines_); }
  iterator end() const noexcept { return iterator(lines_ + size_); }

  // For codecs. Lines in order; append takes text that already lives in arena().
  const Line* lines() const noexcept { return lines_; }
  void append(const Line& line);
  // Appends `count` lines; make(0), make(1) ... give them.
  template <class Make>
  void append_lines(std::size_t count, Make make) {
    reserve(size_ + count);
    std::uint64_t present = present_;
    for (std::size_t i = 0; i < count; ++i) {
      const Line& line = lines_[size_ + i] = make(i);
      present |= std::uint64_t{1} << static_cast<unsigned>(line.id);
    }
    size_ += static_cast<std::uint32_t>(count);
    present_ = present;
  }
  // add() without its checks, for a name and a value that are known to be valid.
  void add_valid(FieldName name, std::string_view value);
  void reserve(std::size_t lines);
  // Removes every line for which `unwanted(line)` is true; keeps the order of the others.
  template <class Predicate>
  std::size_t erase_if(Predicate unwanted) {
    std::size_t kept = 0;
    const std::size_t before = size_;
    for (std::size_t i = 0; i < before; ++i) {
      if (unwanted(static_cast<const Line&>(lines_[i]))) continue;
      if (kept != i) lines_[kept] = lines_[i];
      ++kept;
    }
    size_ = static_cast<std::uint32_t>(kept);
    if (kept != before) recount();
    return before - kept;
  }
  // The memory behind the text; made on first use.
  const ArenaRef& arena();
  const ArenaRef& arena_or_none() const noexcept { return arena_; }
  bool has(FieldId id) const noexcept;

 private:
  const Line* find(FieldName name) const noexcept;
  void recount() noexcept;

  ArenaRef arena_;
  Line* lines_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  std::uint64_t present_ = 0;  // one bit per known name (a name may share the last bit)
};

}  // namespace onehop
