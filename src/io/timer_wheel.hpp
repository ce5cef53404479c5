// SPDX-License-Identifier: Apache-2.0
//
// TimerWheel holds many timers, most of which never fire. It has four levels of 64 slots; arming,
// moving and disarming are O(1). A tick is 2 ms. Timers fire up to two ticks late, never early.
// Thread: owner.
#pragma once

#include "base/intrusive_list.hpp"
#include "io/callback.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace onehop::io {

using Time = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;
inline constexpr Time kNever = Time::max();

// `now + delay` without overflow; Duration::max() means never.
constexpr Time deadline_after(Time now, Duration delay) noexcept {
  return delay >= kNever - now ? kNever : now + delay;
}

class TimerWheel;

// Timer is a member of its owner, which the callback receives as `context`. Its destructor disarms
// it.
class Timer : private ListNode {
 public:
  using Callback = void (*)(void* context);
  Timer(Callback callback, void* context) noexcept : callback_(callback), context_(context) {}
  explicit Timer(io::Callback callback) noexcept : Timer(callback.function, callback.context) {}
  ~Timer() { disarm(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool is_armed() const noexcept { return wheel_ != nullptr; }
  Time deadline() const noexcept { return deadline_; }
  void disarm() noexcept;

 private:
  friend class TimerWheel;
  friend class onehop::IntrusiveList<Timer>;
  Callback callback_;
  void* context_;
  TimerWheel* wheel_ = nullptr;
  Time deadline_{};
  std::uint8_t level_ = 0;
  std::uint8_t slot_ = 0;
};

class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(2);

  explicit TimerWheel(Time start) noexcept : start_(start) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  // Makes `timer` fire once, at `deadline`, or in the next advance() if that has passed. Moves an
  // armed timer.
  void arm(Timer& timer, Time deadline) noexcept;
  // Runs the callbacks of every timer due at `now`. They may arm and disarm any timer.
  void advance(Time now);
  // Returns the time at which advance() should be called next; std::nullopt if no timer is armed.
  std::optional<Time> next() const noexcept;
  bool empty() const noexcept { return armed_ == 0; }

 private:
  friend class Timer;
  static constexpr unsigned kBits = 6;
  static constexpr unsigned kSlots = 1u << kBits;
  static constexpr unsigned kLevels = 4;

  std::uint64_t tick_at_or_after(Time time) const noexcept;
  void place(Timer& timer) noexcept;
  void remove(Timer& timer) noexcept;
  void cascade(unsigned level);

  Time start_;
  std::uint64_t tick_ = 0;  // everything up to here has fired
  std::size_t armed_ = 0;
  std::array<std::uint64_t, kLevels> occupied_{};
  std::array<std::array<IntrusiveList<Timer>, kSlots>, kLevels> slots_;
};

}  // namespace onehop::io
