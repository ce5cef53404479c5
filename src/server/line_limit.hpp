// SPDX-License-Identifier: Apache-2.0
//
// LineLimit: how often the log hears of what peers can cause as often as they like: once in ten
// seconds, with the number of those it did not hear of. Any thread.
#pragma once

#include "io/timer_wheel.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace onehop::server {

class LineLimit {
 public:
  static constexpr io::Duration kPause = std::chrono::seconds(10);

  // For one event: how many before it left no line, if this one may; std::nullopt if not.
  std::optional<std::uint64_t> admit(io::Time now) noexcept {
    const io::Time::rep tick = now.time_since_epoch().count();
    io::Time::rep until = quiet_until_.load(std::memory_order_relaxed);
    const io::Time::rep next = (now + kPause).time_since_epoch().count();
    if (tick >= until && quiet_until_.compare_exchange_strong(until, next)) {
      return untold_.exchange(0, std::memory_order_relaxed);
    }
    untold_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }

 private:
  std::atomic<io::Time::rep> quiet_until_ = 0;
  std::atomic<std::uint64_t> untold_ = 0;
};

// The end of a line that was admitted: "" or " (12 more since the last such line)".
inline std::string and_untold(std::uint64_t count) {
  return count == 0 ? "" : " (" + std::to_string(count) + " more since the last such line)";
}

}  // namespace onehop::server
