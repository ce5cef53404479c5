// SPDX-License-Identifier: Apache-2.0
//
// Method is a request method (RFC 9110 §9): any token of up to 31 bytes, case-sensitive. It is a
// value.
// Thread: any.
#pragma once

#include <onehop/detail/compiler.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace onehop {

class Method {
 public:
  // The maximum length of a method in bytes.
  static constexpr std::size_t kMaxSize = 31;

  constexpr Method() noexcept : Method("GET", 3) {}
  // Returns std::nullopt if `text` is not a token of at most kMaxSize bytes.
  static std::optional<Method> parse(std::string_view text) noexcept;

  // The methods of RFC 9110 and PATCH (RFC 5789).
  static const Method get, head, post, put, del, connect, options, trace, patch;

  // Returns the method as text, such as "GET". The view is valid as long as this object.
  constexpr std::string_view text() const noexcept { return {text_.data(), size_}; }
  // is_safe() and is_idempotent() report the registered properties (RFC 9110 §9.2). An unknown
  // method is neither.
  bool is_safe() const noexcept;
  bool is_idempotent() const noexcept;

  // Unused bytes are zero, so the whole object is compared as words.
  friend constexpr bool operator==(const Method& a, const Method& b) noexcept {
    const Words x = std::bit_cast<Words>(a);
    const Words y = std::bit_cast<Words>(b);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3])) == 0;
  }

 private:
  using Words = std::array<std::uint64_t, 4>;
  constexpr Method(const char* text, std::size_t size) noexcept
      : size_(static_cast<std::uint8_t>(size)) {
    for (std::size_t i = 0; i < size; ++i)
      text_[i] = text[i];
  }

  std::array<char, kMaxSize> text_{};
  std::uint8_t size_ = 0;
};

inline constexpr Method Method::get{"GET", 3};
inline constexpr Method Method::head{"HEAD", 4};
inline constexpr Method Method::post{"POST", 4};
inline constexpr Method Method::put{"PUT", 3};
inline constexpr Method Method::del{"DELETE", 6};
inline constexpr Method Method::connect{"CONNECT", 7};
inline constexpr Method Method::options{"OPTIONS", 7};
inline constexpr Method Method::trace{"TRACE", 5};
inline constexpr Method Method::patch{"PATCH", 5};

}  // namespace onehop
