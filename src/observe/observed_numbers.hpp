// SPDX-License-Identifier: Apache-2.0
//
// ObservedNumbers holds the numbers that /metrics and the dashboard share, read at one moment.
// Thread: any.
#pragma once

#include "observe/observed.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace onehop::observe {

struct ObservedNumbers {
  std::vector<ConfiguredUpstream> upstreams;  // including the known servers of services
  FormerBackends former;
  RequestTotals requests;  // including the health of upstreams
  UpstreamStatistics transports;
  ServerMetrics server;
  Endpoints endpoints;

  // Returns the number of requests in progress, without tunnels.
  std::size_t requests_in_flight() const noexcept;
  // Returns null if the configuration has no such upstream.
  const ConfiguredUpstream* configured(std::string_view upstream) const noexcept;
};

// Reads the numbers. Forgets the addresses of former backends and upstreams once they are unused.
ObservedNumbers read_numbers(const Observed& observed);

}  // namespace onehop::observe
