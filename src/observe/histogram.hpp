// SPDX-License-Identifier: Apache-2.0
//
// Histograms of durations: the counters of one worker, and the sums over all workers. Only the
// owner of HistogramCounters calls observe(); any thread may read them.
// Thread: owner.
#pragma once

#include "base/counter.hpp"
#include "base/duration_sum.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace onehop::observe {

using BucketDuration = std::chrono::nanoseconds;

// The upper bounds of the buckets, ascending. Constant.
class Buckets {
 public:
  static constexpr std::size_t kMax = 32;

  // Uses the bounds of DurationHistogram, 0.5 ms to 30 s.
  Buckets();
  // Ignores bounds after the first kMax.
  explicit Buckets(std::vector<BucketDuration> bounds);

  std::size_t size() const noexcept { return size_; }
  BucketDuration bound(std::size_t index) const noexcept { return bounds_[index]; }
  // Returns the index of the bucket that counts `value`; size() if `value` is above all bounds.
  std::size_t index_of(BucketDuration value) const noexcept {
    std::size_t index = 0;
    while (index < size_ && value > bounds_[index])
      ++index;
    return index;
  }

 private:
  std::array<BucketDuration, kMax> bounds_{};
  std::size_t size_ = 0;
};

struct HistogramCounters {
  std::array<Counter, Buckets::kMax + 1> counts;
  DurationSum sum;

  void observe(BucketDuration value, const Buckets& buckets) noexcept {
    counts[buckets.index_of(value)].add(1);
    sum.add(value);
  }
};

// The number of values in each bucket, not cumulative, and the sum of all values.
struct HistogramTotals {
  std::array<std::uint64_t, Buckets::kMax + 1> counts{};
  std::uint64_t microseconds = 0;

  void add(const HistogramCounters& counters) noexcept;
  void add(const HistogramTotals& other) noexcept;
  std::uint64_t count() const noexcept;
};

}  // namespace onehop::observe
