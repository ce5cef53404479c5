// SPDX-License-Identifier: Apache-2.0
//
// CancelBudget limits the rate of cancelled requests on one upstream connection. Servers treat many
// RST_STREAM frames as an attack (CVE-2023-44487; nghttp2 allows 33 per second) and close the
// connection, which ends the requests of all other clients on it.
// A plain value; the caller passes the time.
// Thread: owner.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace onehop::h2 {

class CancelBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // The size of a burst, and the number of resets per second after it. Any second has at most twice
  // as many.
  static constexpr std::int64_t kBurst = 16;
  static constexpr std::chrono::nanoseconds kBetween =
      std::chrono::nanoseconds(std::chrono::seconds(1)) / kBurst;

  // Spends one reset if the budget allows it now; returns false otherwise.
  bool allow(Time now) noexcept {
    // Each reset moves the time at which the full burst is available again.
    const Time full = std::max(full_at_, now);
    if (full - now > kBetween * (kBurst - 1)) return false;
    full_at_ = full + kBetween;
    return true;
  }
  // Spends one reset even if the budget is empty; later ones wait longer.
  void spend(Time now) noexcept { full_at_ = std::max(full_at_, now) + kBetween; }

 private:
  Time full_at_{};
};

}  // namespace onehop::h2
