// SPDX-License-Identifier: Apache-2.0
//
// PassTimes measures how long an event loop works between two waits for events. Other threads may
// read the results. A short pass is timed by the processor's counter alone, which costs less than
// the clock.
// Thread: owner.
#pragma once

#include <onehop/metrics.hpp>

#include "base/counter.hpp"
#include "base/duration_counts.hpp"
#include "base/highest_value.hpp"
#include "io/timer_wheel.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace onehop::io {

class PassTimes {
 public:
  using Clock = Time (*)() noexcept;
  // `clock` is read at the end of passes that are not short.
  explicit PassTimes(Clock clock = &std::chrono::steady_clock::now) noexcept : clock_(clock) {}
  PassTimes(const PassTimes&) = delete;
  PassTimes& operator=(const PassTimes&) = delete;

  void begin(Time now) noexcept {
    began_.store(in_nanoseconds(now), std::memory_order_relaxed);
    began_at_ = ticks();
  }
  void end() noexcept {
    if (began_.load(std::memory_order_relaxed) == kWaits) return;
    if (const std::uint64_t took = ticks() - began_at_; took < kShort) {
      short_.add(1);
      short_ticks_.add(took);
    } else {
      record(clock_());
    }
    began_.store(kWaits, std::memory_order_relaxed);
  }

  DurationHistogram durations() const noexcept;
  // Returns the longest pass of the last one to two minutes in which there were passes; zero if all
  // were short.
  Duration longest() const noexcept;
  // Returns how long the current pass has lasted; zero while the loop waits.
  Duration busy_for(Time now) const noexcept;

 private:
  static constexpr std::int64_t kWaits = -1;
  // Less than half a millisecond on processors that count at 0.8 GHz or faster, as all of this
  // kind do.
  static constexpr std::uint64_t kShort = 400'000;

  // Returns the processor's counter. On processors whose counter is not known, no pass is short.
  static std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    static constinit thread_local std::uint64_t made_up = 0;
    return made_up += kShort;
#endif
  }
  static std::int64_t in_nanoseconds(Time time) noexcept {
    return Duration(time.time_since_epoch()).count();
  }
  void record(Time now) noexcept;

  const Clock clock_;
  const Time made_ = std::chrono::steady_clock::now();
  const std::uint64_t made_at_ = ticks();
  std::atomic<std::int64_t> began_ = kWaits;
  std::uint64_t began_at_ = 0;
  Counter short_;
  Counter short_ticks_;
  mutable HighestValue short_nanoseconds_;
  DurationCounts long_;
  std::atomic<std::int64_t> longest_ = 0;
  std::atomic<std::int64_t> longest_before_ = 0;
  Time window_ends_{};
};

}  // namespace onehop::io
