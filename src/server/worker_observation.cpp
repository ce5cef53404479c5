// SPDX-License-Identifier: Apache-2.0
//
// The observation of a worker: its metrics, and its requests in flight.
#include "http/target_parts.hpp"
#include "server/served_exchange.hpp"
#include "server/worker.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::server {
namespace {

// The maximum length of each text in a row, and the maximum number of requests that one call of
// requests_in_flight() looks at: a worker may have many.
constexpr std::size_t kLongestText = 256;
constexpr std::size_t kMaxLooks = 4096;

std::string cut(std::string_view text) {
  return std::string(text.substr(0, kLongestText));
}

// Returns the phase, and when it began if that is known.
std::pair<RequestPhase, Time> phase_of(const ServedExchange& exchange) noexcept {
  const ExchangeRecord& record = exchange.record();
  constexpr Time kNever{};
  if (record.upgraded) return {RequestPhase::tunnel, record.response_began};
  if (exchange.has_begun()) return {RequestPhase::responding, record.response_began};
  if (record.response_began != kNever) return {RequestPhase::responding, record.response_began};
  if (record.request_sent != kNever) return {RequestPhase::waiting, record.request_sent};
  if (record.upstream_chosen != kNever) return {RequestPhase::sending, record.upstream_chosen};
  if (record.head_received != kNever) return {RequestPhase::handling, record.head_received};
  return {RequestPhase::head, record.began};
}

ServerMetrics::Tunnels values_of(const TunnelCounters& counters) {
  const std::uint64_t closed = counters.closed.value();
  const std::uint64_t opened = counters.opened.value();
  return {.open = static_cast<std::size_t>(opened - std::min(opened, closed)),
          .opened_total = opened,
          .bytes_from_clients_total = counters.bytes_from_clients.value(),
          .bytes_to_clients_total = counters.bytes_to_clients.value()};
}

void add(ServerMetrics::Tunnels& sum, const ServerMetrics::Tunnels& one) {
  sum.open += one.open;
  sum.opened_total += one.opened_total;
  sum.bytes_from_clients_total += one.bytes_from_clients_total;
  sum.bytes_to_clients_total += one.bytes_to_clients_total;
}

RequestInFlight row_of(const ServedExchange& exchange, Time now) {
  const ExchangeRecord& record = exchange.record();
  const auto [phase, since] = phase_of(exchange);
  auto transferred = exchange.transferred();
  if (record.upgraded) transferred = {record.request_body, record.response_body};
  RequestInFlight row;
  row.id = exchange.id();
  const TargetParts target = parts_of_target(record.target);
  row.client = cut(record.client);
  row.method = record.method;
  row.host = cut(record.host);
  row.path = cut(target.path);
  row.query = cut(target.query);
  row.version = record.version;
  if (record.upgraded) row.upgrade = cut(record.upgrade);
  row.phase = phase;
  row.age = now - record.began;
  if (since != Time{}) row.phase_age = now - since;
  row.bytes_from_client = transferred.from_client;
  row.bytes_to_client = transferred.to_client;
  row.route = cut(record.route);
  row.upstream = record.upstream;
  row.attempts = record.attempts;
  return row;
}

}  // namespace

RequestsInFlight Worker::requests_in_flight(std::size_t max) {
  ONEHOP_DCHECK(is_on_its_thread());
  RequestsInFlight found;
  const std::size_t tunnels = std::min(max, context_.tunnels().open());
  std::size_t looks = 0;
  const Time now = context_.reactor().now();
  context_.requests().all().for_each_until([&](const RequestCount::Counted& request) {
    const auto& exchange = static_cast<const ServedExchange&>(request);
    auto& rows = exchange.record().upgraded ? found.tunnels : found.requests;
    if (rows.size() < max) rows.push_back(row_of(exchange, now));
    const bool has_all = found.requests.size() >= max && found.tunnels.size() >= tunnels;
    return !has_all && ++looks < kMaxLooks;
  });
  return found;
}

void Worker::add_to(ServerMetrics& metrics) const {
  const WorkerCounters& counters = context_.counters();
  metrics.requests_total += context_.requests().begun();
  metrics.connections_cut_total += counters.connections_cut.value();
  for (std::size_t i = 0; i < kRefusals; ++i) {
    metrics.refusals_total[i] += counters.refusals[i].value();
    metrics.last_refusals[i] = std::max(metrics.last_refusals[i],
                                        counters.last_refusals[i].load(std::memory_order_relaxed));
  }

  // Each counter is read once, so that the difference of two sums never decreases.
  const ServerMetrics::Tunnels websockets = values_of(context_.tunnels().websockets());
  add(metrics.websockets, websockets);
  add(metrics.tunnels, websockets);
  add(metrics.tunnels, values_of(context_.tunnels().others()));

  const WorkerCounters::Http2& http2 = counters.http2;
  const std::uint64_t ended = http2.streams_ended.value();
  const std::uint64_t begun = http2.streams.value();
  metrics.http2.streams += static_cast<std::size_t>(begun - std::min(begun, ended));
  metrics.http2.streams_total += begun;
  metrics.http2.refused_total += http2.refused.value();
  metrics.http2.over_max_streams_total += http2.over_max_streams.value();
  metrics.http2.last_over_max_streams =
      std::max(metrics.http2.last_over_max_streams,
               http2.last_over_max_streams.load(std::memory_order_relaxed));
  metrics.http2.goaways_total += http2.goaways.value();
  metrics.http2.floods_total += http2.floods.value();

  const WorkerCounters::Tls& tls = counters.tls;
  const std::uint64_t resumed_1_2 = tls.tls1_2_resumed.value();
  const std::uint64_t resumed_1_3 = tls.tls1_3_resumed.value();
  metrics.tls.tls1_2_total += tls.tls1_2_full.value() + resumed_1_2;
  metrics.tls.tls1_2_resumed_total += resumed_1_2;
  metrics.tls.tls1_3_total += tls.tls1_3_full.value() + resumed_1_3;
  metrics.tls.tls1_3_resumed_total += resumed_1_3;
  metrics.tls.timed_out_total += tls.timed_out.value();
  metrics.tls.plain_http_total += tls.plain_http.value();
  metrics.tls.failed_total += tls.failed.value();
  metrics.tls.duration += tls.durations.value();
}

}  // namespace onehop::server
