// SPDX-License-Identifier: Apache-2.0
#include "observe/request_shard.hpp"

#include "observe/exchange_values.hpp"

namespace onehop::observe {
namespace {

constexpr Time kNotReached{};

bool is_of_upstream(const ExchangeRecord& exchange) noexcept {
  return exchange.failure && exchange.failure->side() == Side::upstream;
}

// Reports whether the request went to an upstream, or would have gone if there had been a
// connection.
bool is_sent_on(const ExchangeRecord& exchange) noexcept {
  return exchange.upstream_chosen != kNotReached || is_of_upstream(exchange);
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

void RequestShard::begin(SeriesPlace place) {
  if (place.route != LabelSlots::kDefault) routes.get_or_make(place.route).in_flight.add(1);
}

// If the counter is missing or 0, there was no memory for begin() to count the request.
void RequestShard::end(SeriesPlace place) noexcept {
  if (place.route == LabelSlots::kDefault) return;
  RouteShard* const route = routes.get(place.route);
  if (route != nullptr && route->in_flight.value() > 0) route->in_flight.subtract(1);
}

void RequestShard::record(const ExchangeRecord& exchange,
                          SeriesPlace place,
                          const CodeLabels& codes,
                          const Buckets& buckets) {
  if (!exchange.upgraded) end(place);
  record_request(routes.get_or_make(place.route), exchange, codes, buckets);
  if (is_sent_on(exchange)) {
    AddressIndex::Worker& shard =
        upstreams.get_or_make(place.upstream, *indexes_.get(place.upstream));
    record_upstream(shard.of(exchange.upstream, exchange.ended), exchange, codes, buckets);
  }
  if (has_failed(exchange)) [[unlikely]]
    record_failure(exchange, place);
}

void RequestShard::record_request(RouteShard& route,
                                  const ExchangeRecord& exchange,
                                  const CodeLabels& codes,
                                  const Buckets& buckets) {
  const std::size_t kind =
      method_label(exchange.method) * kProtocolLabels + protocol_label(exchange.version);
  route.requests[kind].get_or_make()[codes.label(reported_status(exchange))].add(1);
  if (exchange.upgraded) [[unlikely]]
    return;  // the server counts the bytes of tunnels continuously
  route.duration.observe(exchange.ended - exchange.began, buckets);
  route.request_body_bytes.add(exchange.request_body);
  route.response_body_bytes.add(exchange.response_body);
}

void RequestShard::record_failure(const ExchangeRecord& exchange, SeriesPlace place) {
  const Error failure = failure_of(exchange);
  const auto side = static_cast<std::size_t>(failure.side());
  const auto phase = static_cast<std::size_t>(failure.phase());
  const std::size_t reason = failure_reason(failure);
  failures[side * kPhases + phase].get_or_make()[reason].add(1);
  last_failures[reason].store(exchange.ended.time_since_epoch().count(), std::memory_order_relaxed);
  recent.add(exchange, is_sent_on(exchange) ? indexes_.get(place.upstream)->upstream() : "");
}

}  // namespace onehop::observe
