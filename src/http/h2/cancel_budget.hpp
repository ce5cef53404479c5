// SPDX-License-Identifier: Apache-2.0
//
// CancelBudget: how many requests may be cancelled on a connection to an upstream. Servers take
// many RST_STREAM frames for an attack (CVE-2023-44487; nghttp2 allows 33 a second) and end the
// connection, with the requests of all other clients on it.
// A plain value; the caller brings the time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace onehop::h2 {

class CancelBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // At once, and again each second: in no second more than twice as many.
  static constexpr std::int64_t kBurst = 16;
  static constexpr std::chrono::nanoseconds kBetween =
      std::chrono::nanoseconds(std::chrono::seconds(1)) / kBurst;

  // False: that would be one too many now.
  bool allow(Time now) noexcept {
    // The time at which the whole burst is there again moves on with every use.
    const Time full = std::max(full_at_, now);
    if (full - now > kBetween * (kBurst - 1)) return false;
    full_at_ = full + kBetween;
    return true;
  }
  // One that goes out whether it is allowed or not: those behind it wait for longer.
  void spend(Time now) noexcept { full_at_ = std::max(full_at_, now) + kBetween; }

 private:
  Time full_at_{};
};

}  // namespace onehop::h2
