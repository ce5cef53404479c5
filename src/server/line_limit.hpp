// SPDX-License-Identifier: Apache-2.0
//
// LineLimit limits the log lines about events that peers can cause as often as they like: one line
// in 10 s, with the number of events that were left out.
// Thread: any.
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

  // Called for one event. If the event may be logged, returns how many events before it were left
  // out; otherwise returns std::nullopt.
  std::optional<std::uint64_t> admit(io::Time now) noexcept {
    if (admit_another(now)) return take_suppressed();
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  // Returns how many events were left out, for a line that reports only that number. Returns 0 if
  // there are none, or if a line was admitted less than kPause ago.
  std::uint64_t take_suppressed(io::Time now) noexcept {
    return has_suppressed() && admit_another(now) ? take_suppressed() : 0;
  }
  bool has_suppressed() const noexcept { return suppressed_.load(std::memory_order_relaxed) > 0; }
  // Returns the same without regard to the pause. Called at the end, when no other line follows.
  std::uint64_t take_suppressed() noexcept {
    return suppressed_.exchange(0, std::memory_order_relaxed);
  }

 private:
  bool admit_another(io::Time now) noexcept {
    const io::Time::rep tick = now.time_since_epoch().count();
    io::Time::rep until = quiet_until_.load(std::memory_order_relaxed);
    const io::Time::rep next = (now + kPause).time_since_epoch().count();
    return tick >= until && quiet_until_.compare_exchange_strong(until, next);
  }

  std::atomic<io::Time::rep> quiet_until_ = 0;
  std::atomic<std::uint64_t> suppressed_ = 0;
};

// Returns the end of an admitted line: "" or " (12 more since the last such line)".
inline std::string and_suppressed(std::uint64_t count) {
  return count == 0 ? "" : " (" + std::to_string(count) + " more since the last such line)";
}

}  // namespace onehop::server
