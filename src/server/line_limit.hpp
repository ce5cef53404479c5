// SPDX-License-Identifier: Apache-2.0
//
// LineLimit: how often the log hears of what peers can cause as often as they like: once in ten
// seconds, with the number of those that were left out. Thread: any.
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
    if (admit_another(now)) return take_untold();
    untold_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  // How many left no line, for a line that says only that; 0 if there are none, or if a line was
  // admitted less than kPause ago.
  std::uint64_t take_untold(io::Time now) noexcept {
    return has_untold() && admit_another(now) ? take_untold() : 0;
  }
  bool has_untold() const noexcept { return untold_.load(std::memory_order_relaxed) > 0; }
  // The same at the end, when no later line is to come.
  std::uint64_t take_untold() noexcept { return untold_.exchange(0, std::memory_order_relaxed); }

 private:
  bool admit_another(io::Time now) noexcept {
    const io::Time::rep tick = now.time_since_epoch().count();
    io::Time::rep until = quiet_until_.load(std::memory_order_relaxed);
    const io::Time::rep next = (now + kPause).time_since_epoch().count();
    return tick >= until && quiet_until_.compare_exchange_strong(until, next);
  }

  std::atomic<io::Time::rep> quiet_until_ = 0;
  std::atomic<std::uint64_t> untold_ = 0;
};

// The end of a line that was admitted: "" or " (12 more since the last such line)".
inline std::string and_untold(std::uint64_t count) {
  return count == 0 ? "" : " (" + std::to_string(count) + " more since the last such line)";
}

}  // namespace onehop::server
