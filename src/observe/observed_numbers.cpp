// SPDX-License-Identifier: Apache-2.0
#include "observe/observed_numbers.hpp"

#include "observe/upstream_health.hpp"

#include <algorithm>

namespace onehop::observe {

std::size_t ObservedNumbers::requests_in_flight() const noexcept {
  return server.requests - std::min(server.requests, server.tunnels.open);
}

// The transport is read first: an address without a connection there has none in the later numbers
// either, except for new ones.
ObservedNumbers read_numbers(const Observed& observed) {
  ObservedNumbers numbers;
  if (observed.former_backend) numbers.former = observed.former_backend();
  const std::vector<Url> backends = observed.backend_urls();
  numbers.transport = observed.transports();
  numbers.requests = observed.requests->totals();
  const UpstreamFacts facts{
      .transport = numbers.transport, .backends = backends, .former = numbers.former};
  for (const std::string& unused : add_health(numbers.requests.upstreams.front(), facts))
    observed.requests->forget_address(unused);
  numbers.server = observed.server->metrics();
  if (observed.endpoints) numbers.endpoints = observed.endpoints();
  return numbers;
}

}  // namespace onehop::observe
