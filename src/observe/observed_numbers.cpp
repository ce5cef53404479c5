// SPDX-License-Identifier: Apache-2.0
#include "observe/observed_numbers.hpp"

#include "observe/upstream_health.hpp"

#include <algorithm>

namespace onehop::observe {

std::size_t ObservedNumbers::requests_in_flight() const noexcept {
  return server.requests - std::min(server.requests, server.tunnels.open);
}

const ConfiguredUpstream* ObservedNumbers::configured(std::string_view upstream) const noexcept {
  const auto found = std::ranges::find(upstreams, upstream, &ConfiguredUpstream::name);
  return found == upstreams.end() ? nullptr : &*found;
}

namespace {

// Adds the servers of services that the Upstream has found.
void add_found(ConfiguredUpstream& upstream, const Endpoints& endpoints) {
  for (const Upstream::Status& status : statuses_of(endpoints, upstream.name)) {
    const Url& url = status.endpoint.url;
    const bool is_gone = status.state == Upstream::State::draining;
    const auto is_same = [&url](const ConfiguredBackend& one) { return one.url == url; };
    if (is_gone || std::ranges::any_of(upstream.backends, is_same)) continue;
    upstream.backends.push_back({.url = url, .shown = url.to_string()});
  }
}

// Adds a row for each upstream that has a transport but no row, since none of its requests has
// ended yet.
void add_missing(std::vector<RequestTotals::Upstream>& all, const UpstreamStatistics& transports) {
  for (const auto& [name, statistics] : transports) {
    if (std::ranges::find(all, name, &RequestTotals::Upstream::name) == all.end())
      all.push_back({.name = name});
  }
}

void decide_health(ObservedNumbers& numbers, RequestMetrics& metrics) {
  const ConfiguredUpstream removed;
  const Transport::Statistics no_transport;
  const FormerBackend no_former;
  for (RequestTotals::Upstream& upstream : numbers.requests.upstreams) {
    const ConfiguredUpstream* const configured = numbers.configured(upstream.name);
    const auto transport = numbers.transports.find(upstream.name);
    const auto former = numbers.former.find(upstream.name);
    const UpstreamFacts facts{
        .transport = transport == numbers.transports.end() ? no_transport : transport->second,
        .backends = (configured != nullptr ? *configured : removed).backends,
        .is_configured = configured != nullptr,
        .former = former == numbers.former.end() ? no_former : former->second};
    for (const std::string& unused : add_health(upstream, facts))
      metrics.forget_address(unused, upstream.name);
  }
}

}  // namespace

// Reads the transports first. An address that has no connection then has none when the later
// numbers are read either, unless that connection is new.
ObservedNumbers read_numbers(const Observed& observed) {
  ObservedNumbers numbers;
  if (observed.former_backends) numbers.former = observed.former_backends();
  numbers.upstreams = observed.upstreams();
  numbers.transports = observed.transports();
  if (observed.endpoints) numbers.endpoints = observed.endpoints();
  for (ConfiguredUpstream& upstream : numbers.upstreams) {
    if (upstream.has_service) add_found(upstream, numbers.endpoints);
  }
  numbers.requests = observed.requests->totals();
  add_missing(numbers.requests.upstreams, numbers.transports);
  decide_health(numbers, *observed.requests);
  std::erase_if(numbers.requests.upstreams, [&numbers](const RequestTotals::Upstream& upstream) {
    return upstream.addresses.empty() && numbers.configured(upstream.name) == nullptr;
  });
  numbers.server = observed.server->metrics();
  return numbers;
}

}  // namespace onehop::observe
