// SPDX-License-Identifier: Apache-2.0
//
// Byte classes and comparisons of the HTTP grammar (RFC 9110 §5.6), independent of the locale. The
// tables are built at compile time.
// Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace onehop::ascii {

namespace detail {

enum Class : std::uint8_t {
  token = 1,        // tchar, RFC 9110 §5.6.2
  field_value = 2,  // HTAB, SP, VCHAR, obs-text
  target = 4,       // VCHAR: every byte that a request target may have
  reg_name = 8,     // unreserved and sub-delims of RFC 3986 without the comma
};

consteval std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  const auto mark = [&table](std::string_view data, Class kind) {
    for (const char c : data)
      table[static_cast<unsigned char>(c)] |= kind;
  };
  constexpr std::string_view kAlphanumeric =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  mark(kAlphanumeric, token);
  mark("!#$%&'*+-.^_`|~", token);
  mark(kAlphanumeric, reg_name);
  mark("-._~!$&'()*+;=", reg_name);
  for (std::size_t i = 0; i < 256; ++i) {
    if (i == '\t' || (i >= 0x20 && i != 0x7f)) table[i] |= field_value;
    if (i > 0x20 && i < 0x7f) table[i] |= target;
  }
  return table;
}

inline constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

constexpr bool is(char c, Class kind) noexcept {
  return (kClasses[static_cast<unsigned char>(c)] & kind) != 0;
}

}  // namespace detail

constexpr bool is_token_byte(char c) noexcept {
  return detail::is(c, detail::token);
}
constexpr bool is_value_byte(char c) noexcept {
  return detail::is(c, detail::field_value);
}
constexpr bool is_target_byte(char c) noexcept {
  return detail::is(c, detail::target);
}
constexpr bool is_reg_name_byte(char c) noexcept {
  return detail::is(c, detail::reg_name);
}
constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}
constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

constexpr bool is_alpha(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// Returns 0 to 15, or -1 if `c` is not a hexadecimal digit.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Reports whether `text` has at least one byte and only token bytes.
bool is_token(std::string_view text) noexcept;
// Reports whether `text` has no control character other than HTAB. True for the empty value.
bool is_field_value(std::string_view text) noexcept;

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept;

// Returns `text` without SP and HTAB at either end.
std::string_view trim_blanks(std::string_view text) noexcept;

// Parses 1*DIGIT. Returns std::nullopt if anything else is present or the value does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept;

}  // namespace onehop::ascii
