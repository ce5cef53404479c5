// SPDX-License-Identifier: Apache-2.0
#include "observe/server_overview.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::observe {
namespace {

std::string_view name_of(RequestPhase phase) {
  switch (phase) {
    case RequestPhase::head:
      return "head";
    case RequestPhase::handling:
      return "connect";
    case RequestPhase::sending:
      return "send";
    case RequestPhase::waiting:
      return "wait";
    case RequestPhase::responding:
      return "respond";
    case RequestPhase::tunnel:
      return "tunnel";
  }
  return "";
}

Overview::Request row_of(RequestInFlight& from) {
  Overview::Request row;
  row.id = from.id;
  row.client = std::move(from.client);
  row.method = from.method.text();
  row.host = std::move(from.host);
  row.path = std::move(from.path);
  row.query = std::move(from.query);
  row.protocol = from.upgrade.empty() ? std::string(to_string(from.version)) : from.upgrade;
  row.route = std::move(from.route);
  row.upstream = std::move(from.upstream);
  row.phase = name_of(from.phase);
  row.age = from.age;
  row.phase_age = from.phase_age;
  row.bytes_in = from.bytes_from_client;
  row.bytes_out = from.bytes_to_client;
  return row;
}

std::vector<Overview::Request> rows_of(std::vector<RequestInFlight>& requests) {
  std::vector<Overview::Request> rows;
  for (RequestInFlight& request : requests)
    rows.push_back(row_of(request));
  return rows;
}

HistogramTotals totals_of(const DurationHistogram& histogram) {
  HistogramTotals totals;
  std::ranges::copy(histogram.counts, totals.counts.begin());
  totals.microseconds = static_cast<std::uint64_t>(histogram.sum.count());
  return totals;
}

}  // namespace

void ServerOverview::add_requests(Overview& overview, const Server& server) {
  RequestsInFlight all = server.requests_in_flight(Overview::kMaxRequests, kPatience);
  overview.requests = rows_of(all.requests);
  overview.tunnels = rows_of(all.tunnels);
  overview.silent_workers = all.silent_workers;
}

void ServerOverview::add_metrics(Overview& overview, const ServerMetrics& metrics) {
  constexpr std::chrono::seconds kBlocked(1);
  constexpr double kP99 = 0.99;
  Overview::Totals& totals = overview.totals;
  totals.connections_accepted = metrics.connections_total;
  totals.connections_open = metrics.connections;
  totals.tunnels_open = metrics.tunnels.open;
  totals.tunnel_bytes_in = metrics.tunnels.bytes_from_clients_total;
  totals.tunnel_bytes_out = metrics.tunnels.bytes_to_clients_total;
  overview.memory = {.used = metrics.memory_held, .limit = metrics.memory_limit};

  RecentWindow::Histograms all;
  for (std::size_t i = 0; i < metrics.workers.size(); ++i)
    all.emplace(std::to_string(i), totals_of(metrics.workers[i].passes));
  const Buckets buckets;
  RecentWindow::Histograms recent = passes_.advance(std::chrono::steady_clock::now(), all);
  for (std::size_t i = 0; i < metrics.workers.size(); ++i) {
    const ServerMetrics::Worker& worker = metrics.workers[i];
    const auto longest = std::max(worker.longest_pass, worker.busy_for);
    auto p99 = quantile(recent[std::to_string(i)], buckets, kP99);
    if (p99) p99 = std::min(*p99, longest);  // an interpolated value may be above it
    overview.workers.push_back(
        {.requests = worker.requests, .pass_p99 = p99, .longest_pass = longest});
    if (worker.busy_for < kBlocked) continue;
    overview.problems.push_back(
        {true, "Worker " + std::to_string(i) +
                   " serves nothing: its event loop has been busy for more than a second."});
  }
}

}  // namespace onehop::observe
