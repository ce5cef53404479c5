// SPDX-License-Identifier: Apache-2.0
//
// DurationCounts: a histogram of durations that one thread counts. Any thread may call value().
// Thread: owner.
#pragma once

#include <onehop/metrics.hpp>

#include "base/counter.hpp"
#include "base/duration_sum.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace onehop {

class DurationCounts {
 public:
  void add(std::chrono::nanoseconds duration) noexcept {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && duration.count() > kBounds[bucket])
      ++bucket;
    counts_[bucket].add(1);
    sum_.add(duration);
  }
  DurationHistogram value() const noexcept {
    DurationHistogram all;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      all.counts[i] = counts_[i].value();
    all.sum = std::chrono::microseconds(sum_.microseconds());
    return all;
  }

 private:
  // In nanoseconds.
  static constexpr auto kBounds = [] {
    std::array<std::int64_t, DurationHistogram::kBounds.size()> bounds{};
    for (std::size_t i = 0; i < bounds.size(); ++i)
      bounds[i] = static_cast<std::int64_t>(DurationHistogram::kBounds[i] * 1e9 + 0.5);
    return bounds;
  }();

  std::array<Counter, kBounds.size() + 1> counts_;
  DurationSum sum_;
};

}  // namespace onehop
