// SPDX-License-Identifier: Apache-2.0
//
// RequestMetrics counts the exchanges of all workers. Each thread that calls record() has counters
// of its own, which totals() sums. Series are bounded: routes and upstreams by the configuration,
// everything else by fixed sets of labels.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include "observe/histogram.hpp"
#include "observe/recent_failures.hpp"
#include "observe/request_totals.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

class RequestMetrics {
 public:
  // The names of routes and upstreams, by the indexes that record() takes. At least one of each.
  struct Options {
    std::vector<std::string> routes = {"default"};
    std::vector<std::string> upstreams = {"default"};
    Buckets buckets = {};
  };

  RequestMetrics();
  explicit RequestMetrics(Options options);

  // Counts an exchange that has ended, on its worker.
  void record(const ExchangeRecord& exchange, std::size_t route = 0, std::size_t upstream = 0);

  RequestTotals totals() const;
  // Leaves the numbers of this address out from now on: no request of the upstream is on its way to
  // it, and none will be. A later one is counted from 0.
  void forget_address(std::string_view address, std::size_t upstream = 0);
  // Returns the last RecentFailures::kMax failures of all workers, the newest first.
  std::vector<Overview::Failure> recent_failures() const;
  const Buckets& buckets() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace onehop::observe
