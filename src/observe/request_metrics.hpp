// SPDX-License-Identifier: Apache-2.0
//
// RequestMetrics counts the exchanges of all workers. Each thread that calls record() has its own
// counters, which totals() sums. The number of series is bounded: routes and upstreams by the
// configuration (see LabelSlots), all other labels by fixed sets.
//
// A route that a reload removes keeps its counters until it has to make room for another route;
// they are then added to the route "other", so that sums over all routes never fall. The counters
// of an upstream are kept by address, and each address until its last connection has closed (see
// upstream_health.hpp).
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

  // Returns the series of a configuration whose routes have these labels. They are in use as long
  // as the object exists. The caller must keep it until the last request of the configuration is
  // recorded. `uses_default` means that requests without a route go to the upstream "default".
  std::shared_ptr<const RequestSeries> series(std::span<const RouteLabels> routes,
                                              bool uses_default);

  // Counts a request in flight. Called on its worker when its route is known.
  void begin(SeriesPlace place) noexcept;
  // Stops counting the request as in flight, since it has become a tunnel. Called on its worker.
  void become_tunnel(SeriesPlace place) noexcept;
  // Counts an exchange that has ended. Called on its worker.
  void record(const ExchangeRecord& exchange, SeriesPlace place = {});

  RequestTotals totals() const;
  // Drops the numbers of an address. Called if no request of the upstream uses the address or will
  // use it; later requests are counted from 0.
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

// RequestSeries maps the routes of a configuration to their counters.
// Thread: any; constant.
class RequestSeries {
 public:
  explicit RequestSeries(std::shared_ptr<RequestMetrics::State> state) noexcept;
  RequestSeries(const RequestSeries&) = delete;
  RequestSeries& operator=(const RequestSeries&) = delete;
  ~RequestSeries();

  // Returns the place for an ExchangeRecord::route_number; that of "default" for a number without a
  // route.
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
