// SPDX-License-Identifier: Apache-2.0
//
// RecentWindow: the part of growing histograms that lies in the last minute, or since it was last
// asked if that is less. It remembers what they were, at most every ten seconds and only while it
// is asked; at first they were empty.
// Thread: owner.
#pragma once

#include "observe/histogram.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace onehop::observe {

class RecentWindow {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Histograms = std::map<std::string, HistogramTotals>;

  static constexpr std::chrono::seconds kSpan{60};
  static constexpr std::chrono::seconds kStep{10};

  explicit RecentWindow(Time begin = std::chrono::steady_clock::now()) : memories_{{begin, {}}} {}

  // Returns, by the same names, the growth since kSpan before `now` or, where that is not
  // remembered, since the first memory after that. All are empty if the last call was longer ago
  // than kSpan + kStep.
  Histograms advance(Time now, const Histograms& totals);

 private:
  struct Memory {
    Time time;
    Histograms totals;
  };
  std::deque<Memory> memories_;  // the oldest first
};

// Returns the value below which the share `rank` of the values lies (0.5: the median), interpolated
// in its bucket; std::nullopt if there are none. Above the last bound it is that bound.
std::optional<BucketDuration> quantile(const HistogramTotals& totals,
                                       const Buckets& buckets,
                                       double rank);

}  // namespace onehop::observe
