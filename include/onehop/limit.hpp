// SPDX-License-Identifier: Apache-2.0
//
// Limit is the largest number or duration that is allowed, or no_limit. Every limit and timeout in
// the options that can be lifted has this type; no_limit lifts it. 0 allows nothing.
#pragma once

#include <onehop/detail/compiler.hpp>

#include <compare>
#include <concepts>
#include <limits>
#include <type_traits>

namespace onehop {

// The type of no_limit.
struct NoLimit {
  friend constexpr bool operator==(NoLimit, NoLimit) noexcept = default;
};
// Lifts a limit: options.max_body = onehop::no_limit.
inline constexpr NoLimit no_limit;

namespace detail {
template <class T>
constexpr T largest() noexcept {
  if constexpr (std::is_arithmetic_v<T>) {
    return std::numeric_limits<T>::max();
  } else {
    return T::max();  // a duration
  }
}
}  // namespace detail

// Limit converts from and to T. no_limit converts to the largest T, so that `used < limit` works as
// expected. It is a value.
// Thread: any.
template <class T>
class Limit {
 public:
  constexpr Limit(NoLimit) noexcept : value_(detail::largest<T>()) {}  // NOLINT: reads as a value
  template <class U>
    requires std::convertible_to<U, T>
  constexpr Limit(U value) noexcept : value_(static_cast<T>(value)) {}  // NOLINT

  // Reports whether it is no_limit.
  constexpr bool is_none() const noexcept { return value_ == detail::largest<T>(); }
  // The number or duration; the largest T without a limit.
  constexpr T value() const noexcept { return value_; }
  constexpr operator T() const noexcept { return value_; }  // NOLINT

  friend constexpr bool operator==(const Limit&, const Limit&) noexcept = default;
  template <class U>
    requires(std::convertible_to<U, Limit> && !std::same_as<U, Limit>)
  friend constexpr bool operator==(const Limit& a, const U& b) noexcept {
    return a == Limit(b);
  }
  template <class U>
    requires std::convertible_to<U, T>
  friend constexpr auto operator<=>(const Limit& a, const U& b) noexcept {
    return a.value_ <=> static_cast<T>(b);
  }

 private:
  T value_;
};

}  // namespace onehop
