// SPDX-License-Identifier: Apache-2.0
//
// ListMembers iterates over the members of a comma-separated field value (RFC 9110 §5.6.1), trimmed
// and without empty ones. It is for lists of tokens: a comma ends a member even inside quotes.
// Members are views into the value.
// Thread: any.
#pragma once

#include <cstddef>
#include <iterator>
#include <string_view>

namespace onehop {

class ListMembers {
 public:
  explicit ListMembers(std::string_view value) noexcept : value_(value) {}

  class iterator {
   public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    iterator() noexcept = default;
    explicit iterator(std::string_view rest) noexcept : rest_(rest) { advance(); }
    std::string_view operator*() const noexcept { return member_; }
    iterator& operator++() noexcept {
      advance();
      return *this;
    }
    void operator++(int) noexcept { advance(); }
    friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept {
      return it.member_.empty();
    }

   private:
    void advance() noexcept;

    std::string_view rest_;
    std::string_view member_;  // empty at the end
  };

  iterator begin() const noexcept { return iterator(value_); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::string_view value_;
};

// Reports whether a member of the list equals `token`, ignoring case.
bool list_has(std::string_view value, std::string_view token) noexcept;

}  // namespace onehop
