// SPDX-License-Identifier: Apache-2.0
#include "io/pass_times.hpp"

#include <algorithm>

namespace onehop::io {
namespace {

constexpr Duration kWindow = std::chrono::minutes(1);

}  // namespace

void PassTimes::record(Time now) noexcept {
  const std::int64_t took = in_nanoseconds(now) - began_.load(std::memory_order_relaxed);
  long_.add(Duration(took));
  const std::int64_t longest = longest_.load(std::memory_order_relaxed);
  if (now >= window_ends_) {
    const bool is_next = now < window_ends_ + kWindow;
    longest_before_.store(is_next ? longest : 0, std::memory_order_relaxed);
    longest_.store(took, std::memory_order_relaxed);
    window_ends_ = now + kWindow;
  } else if (took > longest) {
    longest_.store(took, std::memory_order_relaxed);
  }
}

DurationHistogram PassTimes::durations() const noexcept {
  DurationHistogram all = long_.value();
  all.counts[0] += short_.value();
  // A tick counts as its average length so far.
  const std::uint64_t passed = ticks() - made_at_;
  if (passed > 0) {
    const Duration lived = std::chrono::steady_clock::now() - made_;
    const double per_tick = static_cast<double>(lived.count()) / static_cast<double>(passed);
    const Duration in_short_ones(short_nanoseconds_.of(
        static_cast<std::int64_t>(static_cast<double>(short_ticks_.value()) * per_tick)));
    all.sum += std::chrono::floor<std::chrono::microseconds>(in_short_ones);
  }
  return all;
}

Duration PassTimes::longest() const noexcept {
  return Duration(std::max(longest_.load(std::memory_order_relaxed),
                           longest_before_.load(std::memory_order_relaxed)));
}

Duration PassTimes::busy_for(Time now) const noexcept {
  const std::int64_t began = began_.load(std::memory_order_relaxed);
  if (began == kWaits) return Duration::zero();
  return Duration(std::max<std::int64_t>(in_nanoseconds(now) - began, 0));
}

}  // namespace onehop::io
