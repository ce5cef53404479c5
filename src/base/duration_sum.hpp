// SPDX-License-Identifier: Apache-2.0
//
// DurationSum: a sum of durations that one thread adds up. It counts whole microseconds, since 64
// bits of nanoseconds are full after three weeks with 10,000 requests in progress. Any thread may
// call microseconds().
// Thread: owner.
#pragma once

#include "base/counter.hpp"

#include <chrono>
#include <cstdint>

namespace onehop {

class DurationSum {
 public:
  // A negative duration adds nothing.
  void add(std::chrono::nanoseconds duration) noexcept {
    if (duration.count() <= 0) return;
    rest_ += static_cast<std::uint64_t>(duration.count());
    microseconds_.add(rest_ / 1000);
    rest_ %= 1000;
  }
  std::uint64_t microseconds() const noexcept { return microseconds_.value(); }

 private:
  Counter microseconds_;
  std::uint64_t rest_ = 0;  // nanoseconds that are not a whole microsecond yet
};

}  // namespace onehop
