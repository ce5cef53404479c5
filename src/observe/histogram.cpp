// SPDX-License-Identifier: Apache-2.0
#include "observe/histogram.hpp"

#include <onehop/metrics.hpp>

#include <algorithm>
#include <numeric>

namespace onehop::observe {
namespace {

std::vector<BucketDuration> default_bounds() {
  std::vector<BucketDuration> bounds;
  for (const double bound : DurationHistogram::kBounds)
    bounds.push_back(std::chrono::round<BucketDuration>(std::chrono::duration<double>(bound)));
  return bounds;
}

}  // namespace

Buckets::Buckets() : Buckets(default_bounds()) {}

Buckets::Buckets(std::vector<BucketDuration> bounds) : size_(std::min(bounds.size(), kMax)) {
  std::copy_n(bounds.begin(), size_, bounds_.begin());
}

void HistogramTotals::add(const HistogramCounters& counters) noexcept {
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] += counters.counts[i].value();
  microseconds += counters.sum.microseconds();
}

void HistogramTotals::add(const HistogramTotals& other) noexcept {
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] += other.counts[i];
  microseconds += other.microseconds;
}

std::uint64_t HistogramTotals::count() const noexcept {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

}  // namespace onehop::observe
