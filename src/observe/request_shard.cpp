// SPDX-License-Identifier: Apache-2.0
#include "observe/request_shard.hpp"

#include "observe/exchange_values.hpp"

#include <algorithm>
#include <utility>

namespace onehop::observe {
namespace {

constexpr Time kNotReached{};

bool is_of_upstream(const ExchangeRecord& exchange) noexcept {
  return exchange.failure && exchange.failure->side() == Side::upstream;
}

void record_upstream(AddressShard& address,
                     const ExchangeRecord& exchange,
                     const CodeLabels& codes,
                     const Buckets& buckets) {
  const bool is_connected = exchange.upstream_chosen != kNotReached;
  const bool has_response = exchange.response_began != kNotReached;
  address.requests[codes.code_class(has_response ? exchange.status : 0)].add(1);
  if (is_of_upstream(exchange)) [[unlikely]]
    address.failures.get_or_make()[failure_reason(*exchange.failure)].add(1);
  if (!is_connected) return;
  address.used(exchange.upstream_chosen);  // the connection may have failed since
  if (!exchange.reused) address.connect.observe(exchange.dial_time, buckets);
  if (has_response && exchange.request_sent != kNotReached)
    address.wait.observe(exchange.response_began - exchange.request_sent, buckets);
}

}  // namespace

RequestShard::RequestShard(std::size_t route_count, std::deque<AddressIndex>& indexes)
    : routes(route_count) {
  for (AddressIndex& index : indexes)
    upstreams.push_back(std::make_unique<AddressIndex::Worker>(index));
}

void RequestShard::record(const ExchangeRecord& exchange,
                          std::size_t route,
                          std::size_t upstream,
                          const CodeLabels& codes,
                          const Buckets& buckets) {
  record_request(routes[std::min(route, routes.size() - 1)].get_or_make(), exchange, codes,
                 buckets);
  if (exchange.upstream_chosen != kNotReached || is_of_upstream(exchange)) {
    AddressIndex::Worker& shard = *upstreams[std::min(upstream, upstreams.size() - 1)];
    record_upstream(shard.of(exchange.upstream, exchange.ended), exchange, codes, buckets);
  }
  if (has_failed(exchange)) [[unlikely]]
    record_failure(exchange);
}

void RequestShard::record_request(RouteShard& route,
                                  const ExchangeRecord& exchange,
                                  const CodeLabels& codes,
                                  const Buckets& buckets) {
  const std::size_t kind =
      method_label(exchange.method) * kProtocolLabels + protocol_label(exchange.version);
  route.requests[kind].get_or_make()[codes.label(reported_status(exchange))].add(1);
  if (exchange.upgraded) [[unlikely]]
    return;  // the server counts the bytes of tunnels as they go
  route.duration.observe(exchange.ended - exchange.began, buckets);
  route.request_body_bytes.add(exchange.request_body);
  route.response_body_bytes.add(exchange.response_body);
}

void RequestShard::record_failure(const ExchangeRecord& exchange) {
  const Error failure = failure_of(exchange);
  const auto side = static_cast<std::size_t>(failure.side());
  const auto phase = static_cast<std::size_t>(failure.phase());
  const std::size_t reason = failure_reason(failure);
  failures[side * kPhases + phase].get_or_make()[reason].add(1);
  last_failures[reason].store(exchange.ended.time_since_epoch().count(), std::memory_order_relaxed);
  recent.add(exchange);
}

}  // namespace onehop::observe
