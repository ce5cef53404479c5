// SPDX-License-Identifier: Apache-2.0
//
// OverviewHistory keeps the counters of the last five minutes, so that the charts of a reloaded
// page are not empty. It has samples only of the times when overviews were added.
// Thread: owner.
#pragma once

#include "observe/overview.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace onehop::observe {

class OverviewHistory {
 public:
  static constexpr std::chrono::seconds kLength{300};
  static constexpr std::size_t kMaxSamples = 301;

  void add(const Overview& overview);
  // Returns {"bounds": [...], "samples": [[monotonic time, requests, failures of clients, of
  // upstreams, of the proxy, bytes from clients, bytes to clients, [counts of durations]], ...]},
  // with the oldest sample first.
  std::string json() const;

 private:
  struct Sample {
    Overview::Duration time;
    Overview::Totals totals;
    std::vector<std::uint64_t> durations;
  };

  std::vector<double> bounds_;
  std::deque<Sample> samples_;
};

}  // namespace onehop::observe
