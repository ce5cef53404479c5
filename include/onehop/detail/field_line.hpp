// SPDX-License-Identifier: Apache-2.0
//
// A field line as Headers stores it. Not part of the interface: names in onehop::detail may change
// in any release.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace onehop {

// Field is one field line. It is a view into its message.
struct Field {
  std::string_view name;   // as received: case is kept
  std::string_view value;  // without surrounding blanks
};

namespace detail {

enum class FieldId : std::uint8_t;  // the index into the table of known names
struct FieldNames;                  // makes names from rows of that table

// The first lines of a parsed head lie in one block, exactly as received.
struct FieldLine {
  const char* name_data;
  const char* value_data;
  std::uint32_t value_size;
  std::uint16_t name_size;
  FieldId id;
  bool verbatim;  // the bytes from name_data on are "name: value" CRLF

  Field field() const noexcept { return {{name_data, name_size}, {value_data, value_size}}; }
};

class FieldIterator {
 public:
  using value_type = Field;
  using difference_type = std::ptrdiff_t;
  FieldIterator() noexcept = default;
  explicit FieldIterator(const FieldLine* line) noexcept : line_(line) {}
  Field operator*() const noexcept { return line_->field(); }
  FieldIterator& operator++() noexcept {
    ++line_;
    return *this;
  }
  FieldIterator operator++(int) noexcept { return FieldIterator(line_++); }
  friend bool operator==(FieldIterator, FieldIterator) noexcept = default;

 private:
  const FieldLine* line_ = nullptr;
};

}  // namespace detail
}  // namespace onehop
