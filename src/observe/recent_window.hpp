// SPDX-License-Identifier: Apache-2.0
//
// RecentWindow computes the growth of histograms in about the last minute. It remembers their
// totals at most every ten seconds, and only when it is called. Initially the totals are empty.
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

  // Returns, by the same names, the growth since the newest memory that is at least kSpan older
  // than `now` or, if there is none, since the oldest memory. All are empty if that memory is more
  // than kSpan + kStep older than `now`.
  Histograms advance(Time now, const Histograms& totals);

 private:
  struct Memory {
    Time time;
    Histograms totals;
  };
  std::deque<Memory> memories_;  // the oldest first
};

// Returns the quantile `rank` of the values (0.5 is the median), interpolated within its bucket, or
// the last bound if it is above that. Returns std::nullopt if there are no values.
std::optional<BucketDuration> quantile(const HistogramTotals& totals,
                                       const Buckets& buckets,
                                       double rank);

}  // namespace onehop::observe
