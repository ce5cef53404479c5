// SPDX-License-Identifier: Apache-2.0
#include "io/timer_wheel.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <bit>

namespace onehop::io {

void Timer::disarm() noexcept {
  if (wheel_) wheel_->remove(*this);
}

TimerWheel::~TimerWheel() {
  for (auto& level : slots_) {
    for (auto& slot : level) {
      while (!slot.empty())
        remove(slot.front());
    }
  }
}

std::uint64_t TimerWheel::tick_at_or_after(Time time) const noexcept {
  if (time <= start_) return 0;
  const auto passed = static_cast<std::uint64_t>((time - start_).count());
  const auto tick = static_cast<std::uint64_t>(kTick.count());
  return passed / tick + (passed % tick != 0);
}

void TimerWheel::arm(Timer& timer, Time deadline) noexcept {
  timer.disarm();
  if (deadline == kNever) return;
  timer.deadline_ = deadline;
  timer.wheel_ = this;
  ++armed_;
  place(timer);
}

// Level n holds timers that are due within 64^(n+1) ticks. Timers beyond the reach of the top level
// are in its last slot, and are placed again from there.
void TimerWheel::place(Timer& timer) noexcept {
  constexpr std::uint64_t kReach = std::uint64_t{1} << (kBits * kLevels);
  const std::uint64_t due =
      std::clamp(tick_at_or_after(timer.deadline_), tick_ + 1, tick_ + kReach - kReach / kSlots);
  unsigned level = 0;
  while (level + 1 < kLevels && ((due ^ tick_) >> (kBits * (level + 1))) != 0)
    ++level;
  const auto slot = static_cast<unsigned>((due >> (kBits * level)) & (kSlots - 1));
  timer.level_ = static_cast<std::uint8_t>(level);
  timer.slot_ = static_cast<std::uint8_t>(slot);
  slots_[level][slot].push_back(timer);
  occupied_[level] |= std::uint64_t{1} << slot;
}

void TimerWheel::remove(Timer& timer) noexcept {
  ONEHOP_DCHECK(timer.wheel_ == this && armed_ > 0);
  timer.unlink();
  timer.wheel_ = nullptr;
  --armed_;
  if (slots_[timer.level_][timer.slot_].empty()) {
    occupied_[timer.level_] &= ~(std::uint64_t{1} << timer.slot_);
  }
}

// Spreads the current slot of `level` over the levels below.
void TimerWheel::cascade(unsigned level) {
  const auto slot = static_cast<unsigned>((tick_ >> (kBits * level)) & (kSlots - 1));
  if (slot == 0 && level + 1 < kLevels) cascade(level + 1);
  IntrusiveList<Timer> moving;
  moving.splice_back(slots_[level][slot]);
  occupied_[level] &= ~(std::uint64_t{1} << slot);
  while (Timer* timer = moving.pop_front())
    place(*timer);
}

void TimerWheel::advance(Time now) {
  if (now <= start_) return;
  const auto target = static_cast<std::uint64_t>((now - start_) / kTick);
  if (armed_ == 0) {
    tick_ = std::max(tick_, target);
    return;
  }
  while (tick_ < target) {
    // Skip to the next occupied slot of level 0, or to the end of level 0, where level 1 cascades.
    const auto at = static_cast<unsigned>(tick_ & (kSlots - 1));
    const std::uint64_t ahead = at + 1 < kSlots ? occupied_[0] >> (at + 1) : 0;
    const std::uint64_t step =
        ahead ? static_cast<std::uint64_t>(std::countr_zero(ahead)) + 1 : kSlots - at;
    if (tick_ + step > target) {
      tick_ = target;
      break;
    }
    tick_ += step;
    const auto slot = static_cast<unsigned>(tick_ & (kSlots - 1));
    if (slot == 0) cascade(1);
    IntrusiveList<Timer>& due = slots_[0][slot];
    while (!due.empty()) {
      Timer& timer = due.front();
      remove(timer);
      if (timer.deadline_ > now) {  // it was beyond the reach of the wheel
        arm(timer, timer.deadline_);
        continue;
      }
      timer.callback_(timer.context_);
    }
  }
}

std::optional<Time> TimerWheel::next() const noexcept {
  if (armed_ == 0) return std::nullopt;
  for (unsigned level = 0; level < kLevels; ++level) {
    const unsigned shift = kBits * level;
    const auto at = static_cast<unsigned>((tick_ >> shift) & (kSlots - 1));
    const std::uint64_t ahead = at + 1 < kSlots ? occupied_[level] >> (at + 1) : 0;
    if (ahead) {
      const std::uint64_t slot = at + 1 + static_cast<unsigned>(std::countr_zero(ahead));
      const std::uint64_t tick = (((tick_ >> shift) & ~std::uint64_t{kSlots - 1}) | slot) << shift;
      return start_ + kTick * static_cast<std::int64_t>(tick);
    }
  }
  // Only slots before the current one are occupied, which follow after the next turn of the top
  // level.
  return start_ + kTick * static_cast<std::int64_t>(tick_ + kSlots);
}

}  // namespace onehop::io
