// SPDX-License-Identifier: Apache-2.0
//
// RequestMetrics counts the exchanges of all workers. Each thread that calls record() has counters
// of its own, which totals() sums. Series are bounded: routes and upstreams by the configuration
// (see LabelSlots), everything else by fixed sets of labels.
//
// A route that is configured no more keeps its counters, and those that make room for others count
// as the route "other", so that sums over all routes never fall. Of an upstream, which is shown by
// address, they go with its last connection (see upstream_health.hpp).
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include "observe/histogram.hpp"
#include "observe/recent_failures.hpp"
#include "observe/request_shard.hpp"
#include "observe/request_totals.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

class RequestSeries;

class RequestMetrics {
 public:
  struct Options {
    Buckets buckets = {};
  };
  // The labels of the requests of one route.
  struct RouteLabels {
    std::string route = "default";
    std::string upstream = "default";
  };

  RequestMetrics();
  explicit RequestMetrics(Options options);

  // The series of a configuration, whose routes have these labels. They are in use as long as the
  // object lives, which has to be until the last request of the configuration was recorded.
  // `uses_default`: requests without a route go to the upstream "default".
  std::shared_ptr<const RequestSeries> series(std::span<const RouteLabels> routes,
                                              bool uses_default);

  // A route has taken a request, on its worker.
  void begin(SeriesPlace place) noexcept;
  // It has become a tunnel, on its worker.
  void become_tunnel(SeriesPlace place) noexcept;
  // Counts an exchange that has ended, on its worker.
  void record(const ExchangeRecord& exchange, SeriesPlace place = {});

  RequestTotals totals() const;
  // Leaves the numbers of this address out from now on: no request of the upstream is on its way to
  // it, and none will be. A later one is counted from 0.
  void forget_address(std::string_view address, std::string_view upstream = "default");
  // Returns the last RecentFailures::kMax failures of all workers, the newest first.
  std::vector<Overview::Failure> recent_failures() const;
  const Buckets& buckets() const noexcept;

 private:
  friend RequestSeries;
  struct State;
  RequestShard& shard();

  std::shared_ptr<State> state_;
};

// The places of a configuration's series.
// Thread: any; constant.
class RequestSeries {
 public:
  explicit RequestSeries(std::shared_ptr<RequestMetrics::State> state) noexcept;
  RequestSeries(const RequestSeries&) = delete;
  RequestSeries& operator=(const RequestSeries&) = delete;
  ~RequestSeries();

  // By ExchangeRecord::route_number; that of "default" for a number without a route.
  SeriesPlace of(std::uint32_t route_number) const noexcept {
    return route_number > 0 && route_number <= places_.size() ? places_[route_number - 1]
                                                              : SeriesPlace();
  }

 private:
  friend RequestMetrics;

  const std::shared_ptr<RequestMetrics::State> state_;
  std::vector<SeriesPlace> places_;
  bool uses_default_ = false;
};

}  // namespace onehop::observe
