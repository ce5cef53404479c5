// SPDX-License-Identifier: Apache-2.0
//
// ObservedNumbers: the numbers that /metrics and the dashboard have in common, read at once.
// Thread: any.
#pragma once

#include "observe/observed.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace onehop::observe {

struct ObservedNumbers {
  std::vector<ConfiguredUpstream> upstreams;  // with the servers of services that are known
  FormerBackends former;
  RequestTotals requests;  // with the health of upstreams
  UpstreamStatistics transports;
  ServerMetrics server;
  Endpoints endpoints;

  // Requests in progress that are no tunnels.
  std::size_t requests_in_flight() const noexcept;
  // Null if the configuration has no such upstream.
  const ConfiguredUpstream* configured(std::string_view upstream) const noexcept;
};

// Forgets the addresses of former backends and upstreams that nothing uses any more.
ObservedNumbers read_numbers(const Observed& observed);

}  // namespace onehop::observe
