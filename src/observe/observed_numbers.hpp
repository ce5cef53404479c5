// SPDX-License-Identifier: Apache-2.0
//
// ObservedNumbers: the numbers that /metrics and the dashboard have in common, read at once.
// Thread: any.
#pragma once

#include "observe/observed.hpp"

namespace onehop::observe {

struct ObservedNumbers {
  FormerBackend former;
  RequestTotals requests;  // with the health of upstreams
  Transport::Statistics transport;
  ServerMetrics server;
  Endpoints endpoints;

  // Requests in progress that are no tunnels.
  std::size_t requests_in_flight() const noexcept;
};

// Forgets the addresses of former backends that nothing uses any more.
ObservedNumbers read_numbers(const Observed& observed);

}  // namespace onehop::observe
