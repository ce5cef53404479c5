// SPDX-License-Identifier: Apache-2.0
//
// IoResult is the outcome of a non-blocking read or write: a number of bytes, the peer's half-close
// (reads only), a wait that is due, or a failure. It fits into a register.
// Thread: any; constant.
#pragma once

#include "base/check.hpp"

#include <cerrno>
#include <concepts>
#include <cstddef>

#include <sys/types.h>

namespace onehop::net {

class IoResult {
 public:
  // `count` bytes were read or written. For a read, 0 is the peer's half-close.
  template <std::integral Count>
  constexpr IoResult(
      Count count) noexcept  // NOLINT(google-explicit-constructor): reads as a number
      : value_(static_cast<ssize_t>(count)) {
    ONEHOP_DCHECK(value_ >= 0);
  }
  // A failure, or if `errno_value` is EAGAIN, a wait that is due.
  static constexpr IoResult failed(int errno_value) noexcept {
    IoResult made(0);
    made.value_ = -errno_value;
    return made;
  }
  static constexpr IoResult must_wait() noexcept { return failed(EAGAIN); }

  constexpr bool has_bytes() const noexcept { return value_ > 0; }
  constexpr bool is_end() const noexcept { return value_ == 0; }
  constexpr bool is_wait() const noexcept { return value_ == -EAGAIN; }
  constexpr bool has_failed() const noexcept { return value_ < 0 && !is_wait(); }
  // Returns the number of bytes read or written; 0 if there are none.
  constexpr std::size_t count() const noexcept {
    return value_ > 0 ? static_cast<std::size_t>(value_) : 0;
  }
  // Returns the errno of a failure, EAGAIN for a wait, or 0.
  constexpr int error() const noexcept { return value_ < 0 ? static_cast<int>(-value_) : 0; }

  friend constexpr bool operator==(IoResult, IoResult) noexcept = default;

 private:
  ssize_t value_;
};

}  // namespace onehop::net
