// SPDX-License-Identifier: Apache-2.0
//
// OwnedHeaders is a copy of Headers that outlives their message. A cache, for example, keeps the
// fields of a response in it. It cannot be changed; to_headers() copies it back. It is a value.
// Thread: any.
#pragma once

#include <onehop/headers.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop {

class OwnedHeaders {
 public:
  OwnedHeaders() = default;
  // Copies all lines and their text.
  explicit OwnedHeaders(const Headers& headers);

  // Returns Headers with the same lines, for a new message.
  Headers to_headers() const;

  std::size_t size() const noexcept { return lines_.size(); }
  bool empty() const noexcept { return lines_.empty(); }
  // Returns the line at `i`, from 0 to size() - 1. This view, and those below, are valid until this
  // object is destroyed, assigned to or moved from.
  Field operator[](std::size_t i) const noexcept;

  // Returns the value of the first line with that name; names are compared without case.
  std::optional<std::string_view> get(std::string_view name) const noexcept;
  // The same, or "" if there is none.
  std::string_view get_or_empty(std::string_view name) const noexcept;
  // Reports whether there is a line with that name.
  bool has(std::string_view name) const noexcept { return get(name).has_value(); }
  // Every value with that name, in order.
  std::vector<std::string_view> get_all(std::string_view name) const;

  class iterator {
   public:
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    iterator() noexcept = default;
    iterator(const OwnedHeaders* headers, std::size_t at) noexcept : headers_(headers), at_(at) {}
    Field operator*() const noexcept { return (*headers_)[at_]; }
    iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    iterator operator++(int) noexcept { return iterator(headers_, at_++); }
    friend bool operator==(iterator, iterator) noexcept = default;

   private:
    const OwnedHeaders* headers_ = nullptr;
    std::size_t at_ = 0;
  };
  iterator begin() const noexcept { return iterator(this, 0); }
  iterator end() const noexcept { return iterator(this, size()); }

 private:
  struct Line {
    std::size_t at;  // of the name in text_; the value follows it
    std::size_t name_size;
    std::size_t value_size;
  };

  std::string text_;
  std::vector<Line> lines_;
};

}  // namespace onehop
