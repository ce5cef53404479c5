// SPDX-License-Identifier: Apache-2.0
#include "observe/server_families.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <utility>

namespace onehop::observe {
namespace {

// Indexed by Refusal.
constexpr std::array<std::string_view, kRefusals> kRefusalNames = {
    "client_limit", "connection_limit", "memory", "descriptors", "proxy_header"};

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

// The first route gets the requests that no other route has counted. The numbers are read one after
// the other, so the rest is clamped to 0.
void add_requests(MetricFamilies& families,
                  const ServerMetrics& metrics,
                  const std::vector<RequestTotals::Route>& routes) {
  auto in_flight =
      families.gauge("onehop_requests_in_flight", "Requests in progress, without tunnels.");
  std::uint64_t rest = metrics.requests - std::min(metrics.requests, metrics.tunnels.open);
  for (std::size_t i = 1; i < routes.size(); ++i) {
    in_flight.add(routes[i].in_flight, {{"route", routes[i].name}});
    rest -= std::min(rest, routes[i].in_flight);
  }
  in_flight.add(rest, {{"route", routes.empty() ? "default" : routes.front().name}});
}

void add_connections(MetricFamilies& families, const ServerMetrics& metrics) {
  auto open =
      families.gauge("onehop_client_connections_open", "Open connections of clients, by listener.");
  auto all = families.counter("onehop_client_connections_total",
                              "Connections accepted from clients, by listener.");
  for (const ServerMetrics::Listener& listener : metrics.listeners) {
    open.add(listener.connections, {{"listener", listener.address}});
    all.add(listener.connections_total, {{"listener", listener.address}});
  }
  auto refused = families.counter("onehop_client_connections_refused_total",
                                  "Connections closed because of client_limit or proxy_header; for "
                                  "other reasons, how often accepting paused.");
  for (std::size_t i = 0; i < kRefusals; ++i)
    refused.add(metrics.refusals_total[i], {{"reason", kRefusalNames[i]}});
}

void add_tunnels(MetricFamilies& families, const ServerMetrics& metrics) {
  const ServerMetrics::Tunnels& all = metrics.tunnels;
  const ServerMetrics::Tunnels& websockets = metrics.websockets;
  auto open = families.gauge("onehop_tunnels_open", "Tunnels that are open.");
  auto total = families.counter("onehop_tunnels_total", "Tunnels that were opened.");
  auto relayed = families.counter("onehop_tunnel_bytes_total", "Bytes relayed by tunnels.");
  const auto add = [&](std::string_view protocol, const ServerMetrics::Tunnels& one) {
    open.add(one.open, {{"protocol", protocol}});
    total.add(one.opened_total, {{"protocol", protocol}});
    relayed.add(one.bytes_from_clients_total,
                {{"protocol", protocol}, {"direction", "from_client"}});
    relayed.add(one.bytes_to_clients_total, {{"protocol", protocol}, {"direction", "to_client"}});
  };
  add("websocket", websockets);
  const auto rest = [](auto sum, auto part) { return sum - std::min(sum, part); };
  add("other", {.open = rest(all.open, websockets.open),
                .opened_total = rest(all.opened_total, websockets.opened_total),
                .bytes_from_clients_total =
                    rest(all.bytes_from_clients_total, websockets.bytes_from_clients_total),
                .bytes_to_clients_total =
                    rest(all.bytes_to_clients_total, websockets.bytes_to_clients_total)});
}

void add_http2(MetricFamilies& families,
               const ServerMetrics::Http2& http2,
               const Transport::Statistics::Http2& upstream) {
  constexpr std::string_view kSide = "client";
  families.gauge("onehop_http2_streams_open", "HTTP/2: requests in progress.")
      .add(http2.streams, {{"side", kSide}})
      .add(upstream.streams, {{"side", "upstream"}});
  families.counter("onehop_http2_streams_total", "HTTP/2: requests that have begun.")
      .add(http2.streams_total, {{"side", kSide}})
      .add(upstream.streams_total, {{"side", "upstream"}});
  families
      .counter("onehop_http2_goaway_total",
               "HTTP/2: connections whose end was announced (GOAWAY): to clients, or by upstreams.")
      .add(http2.goaways_total, {{"side", kSide}})
      .add(upstream.goaways, {{"side", "upstream"}});
  families
      .counter("onehop_http2_flood_closed_total",
               "HTTP/2: connections closed because of a flood (ENHANCE_YOUR_CALM).")
      .add(http2.floods_total, {{"side", kSide}});
  families
      .counter("onehop_http2_streams_refused_total",
               "HTTP/2: requests refused without being processed.")
      .add(http2.refused_total, {{"side", kSide}, {"reason", "memory"}})
      .add(http2.over_max_streams_total, {{"side", kSide}, {"reason", "max_streams"}});
}

void add_tls(MetricFamilies& families,
             const ServerMetrics::Tls& tls,
             const Transport::Statistics::Tls& upstream) {
  struct Row {
    std::uint64_t count;
    std::string_view version, resumed, result;
    std::string_view side = "client";
  };
  const Row rows[] = {
      {tls.tls1_2_total - tls.tls1_2_resumed_total, "TLSv1.2", "no", "ok"},
      {tls.tls1_2_resumed_total, "TLSv1.2", "yes", "ok"},
      {tls.tls1_3_total - tls.tls1_3_resumed_total, "TLSv1.3", "no", "ok"},
      {tls.tls1_3_resumed_total, "TLSv1.3", "yes", "ok"},
      {tls.timed_out_total, "none", "no", "timed_out"},
      {tls.plain_http_total, "none", "no", "plain_http"},
      {tls.failed_total, "none", "no", "failed"},
      {upstream.tls1_2 - upstream.tls1_2_resumed, "TLSv1.2", "no", "ok", "upstream"},
      {upstream.tls1_2_resumed, "TLSv1.2", "yes", "ok", "upstream"},
      {upstream.tls1_3 - upstream.tls1_3_resumed, "TLSv1.3", "no", "ok", "upstream"},
      {upstream.tls1_3_resumed, "TLSv1.3", "yes", "ok", "upstream"},
      {upstream.timed_out, "none", "no", "timed_out", "upstream"},
      {upstream.failed, "none", "no", "failed", "upstream"},
  };
  auto handshakes = families.counter("onehop_tls_handshakes_total", "TLS handshakes, by result.");
  for (const Row& row : rows) {
    handshakes.add(row.count, {{"side", row.side},
                               {"version", row.version},
                               {"resumed", row.resumed},
                               {"result", row.result}});
  }
  families
      .histogram("onehop_tls_handshake_duration_seconds",
                 "Of handshakes that succeeded: from accepting a client's connection, or from a "
                 "connection to the upstream, to the end of the handshake.")
      .add(tls.duration, {{"side", "client"}})
      .add(upstream.duration, {{"side", "upstream"}});
}

void add_workers(MetricFamilies& families, const std::vector<ServerMetrics::Worker>& workers) {
  auto passes = families.histogram(
      "onehop_worker_loop_seconds",
      "How long a worker's event loop works between two waits; a long pass delays its requests.");
  auto longest = families.gauge("onehop_worker_longest_callback_seconds",
                                "The longest pass of the last one to two minutes.");
  auto busy = families.gauge("onehop_worker_busy_seconds",
                             "How long the current pass has lasted; 0 while the worker waits.");
  auto requests = families.gauge("onehop_worker_requests", "Requests in progress of a worker.");
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const std::string number = std::to_string(i);
    passes.add(workers[i].passes, {{"worker", number}});
    longest.add(seconds(workers[i].longest_pass), {{"worker", number}});
    busy.add(seconds(workers[i].busy_for), {{"worker", number}});
    requests.add(workers[i].requests, {{"worker", number}});
  }
}

}  // namespace

void add_server_families(MetricFamilies& families,
                         const ServerMetrics& metrics,
                         const Transport::Statistics& transport,
                         const std::vector<RequestTotals::Route>& routes) {
  add_requests(families, metrics, routes);
  add_connections(families, metrics);
  add_tunnels(families, metrics);
  add_http2(families, metrics.http2, transport.http2);
  add_tls(families, metrics.tls, transport.tls);
  families
      .gauge("onehop_memory_held_bytes", "Memory held for clients and upstreams; see --max-memory.")
      .add(metrics.memory_held);
  families.gauge("onehop_memory_limit_bytes", "The limit of --max-memory; 0: none.")
      .add(metrics.memory_limit);
  families.counter("onehop_overload_refusals_total", "Requests refused because memory was short.")
      .add(metrics.overload_refusals_total);
  add_workers(families, metrics.workers);
}

void add_certificate_families(MetricFamilies& families,
                              const std::vector<TlsCertificateInfo>& certificates) {
  auto ends = families.gauge("onehop_tls_certificate_not_after_seconds",
                             "When a certificate expires, in seconds since 1970-01-01.");
  std::set<std::string_view> seen;  // listeners may share a certificate
  for (const TlsCertificateInfo& one : certificates) {
    if (!seen.insert(one.sha256).second) continue;
    const std::string name = one.names.empty() ? std::string() : one.names.front();
    ends.add(std::chrono::duration<double>(one.not_after.time_since_epoch()).count(),
             {{"name", name}, {"sha256", one.sha256}});
  }
}

void add_renewal_families(MetricFamilies& families,
                          const std::vector<acme::SiteStatus>& sites,
                          const acme::RenewerCounts& counts) {
  if (sites.empty()) return;
  families.counter("onehop_acme_certificates_total", "Certificates that an authority has issued.")
      .add(counts.obtained);
  families
      .counter("onehop_acme_failures_total",
               "Attempts to get a certificate that failed with every authority.")
      .add(counts.failed);
  auto has = families.gauge("onehop_acme_certificate_valid",
                            "Whether the name has a certificate (1), or only a self-signed one.");
  auto failures = families.gauge("onehop_acme_failures_in_a_row",
                                 "Failed attempts since the last certificate of the name.");
  auto renewal = families.gauge("onehop_acme_renewal_seconds",
                                "When the certificate is renewed, in seconds since 1970-01-01.");
  for (const acme::SiteStatus& site : sites) {
    has.add(site.has_certificate ? std::uint64_t{1} : 0, {{"name", site.name}});
    failures.add(std::uint64_t{site.failures}, {{"name", site.name}});
    if (!site.renew_at) continue;
    renewal.add(std::chrono::duration<double>(site.renew_at->time_since_epoch()).count(),
                {{"name", site.name}});
  }
}

void add_transport_families(MetricFamilies& families, const UpstreamStatistics& transports) {
  auto open =
      families.gauge("onehop_upstream_connections_open", "Open connections to the upstream.");
  auto idle =
      families.gauge("onehop_upstream_connections_idle", "Open connections without a request.");
  auto dialled =
      families.counter("onehop_upstream_connections_dialled_total", "Connections that were made.");
  auto reused =
      families.counter("onehop_upstream_connections_reused_total",
                       "Requests that were sent on a connection that had carried another.");
  auto failed = families.counter("onehop_upstream_dials_failed_total",
                                 "Attempts to connect that have failed.");
  auto retries = families.counter(
      "onehop_upstream_retries_total",
      "Requests that were sent again. unsent: nothing had been sent; refused: the upstream had not "
      "processed it; uncertain: it may have, and repeating does no harm.");
  auto waits = families.histogram("onehop_upstream_queue_seconds",
                                  "How long requests without an idle connection waited for one.");
  for (const auto& [upstream, one] : transports) {
    const MetricFamilies::Labels labels = {{"upstream", upstream}};
    open.add(one.open, labels);
    idle.add(one.idle, labels);
    dialled.add(one.dialled, labels);
    reused.add(one.reused, labels);
    failed.add(one.dials_failed, labels);
    retries.add(one.retried_unsent, {{"upstream", upstream}, {"reason", "unsent"}})
        .add(one.retried_refused, {{"upstream", upstream}, {"reason", "refused"}})
        .add(one.retried_uncertain, {{"upstream", upstream}, {"reason", "uncertain"}});
    waits.add(one.waits, labels);
  }
  const Transport::Statistics all = sum_of(transports);
  families.counter("onehop_dns_queries_total", "DNS queries.").add(all.dns_queries);
  families
      .counter("onehop_dns_stale_answers_total",
               "How often addresses were used longer than they were valid, because a query had no "
               "response.")
      .add(all.dns_stale_answers);
}

void add_check_families(MetricFamilies& families,
                        const UpstreamChecks& checks,
                        const std::vector<ConfiguredUpstream>& upstreams) {
  auto family = families.counter("onehop_upstream_checks_total",
                                 "Attempts of --ready-needs-upstream to connect to the upstream.");
  UpstreamChecks::All all = checks.all();
  for (const ConfiguredUpstream& upstream : upstreams) {
    const UpstreamChecks::Counts& counts = all[upstream.name];
    family.add(counts.succeeded, {{"upstream", upstream.name}, {"result", "ok"}})
        .add(counts.failed, {{"upstream", upstream.name}, {"result", "failed"}});
  }
}

void add_reload_families(MetricFamilies& families, const ReloadHistory::State& reloads) {
  families.counter("onehop_config_reloads_total", "Attempts to reload the configuration.")
      .add(reloads.succeeded, {{"result", "ok"}})
      .add(reloads.failed, {{"result", "failed"}});
  families
      .gauge("onehop_config_last_reload_success",
             "1 if the last reload succeeded; 0 if it failed, and the configuration before it is "
             "in use.")
      .add(reloads.last_failed ? 0.0 : 1.0);
  families.gauge("onehop_config_last_reload_seconds", "How long the last reload took.")
      .add(seconds(reloads.last_duration));
  families
      .gauge("onehop_config_timestamp_seconds",
             "When the configuration in use was loaded, in seconds since 1970-01-01.")
      .add(std::chrono::duration<double>(reloads.configured.time_since_epoch()).count());
}

}  // namespace onehop::observe
