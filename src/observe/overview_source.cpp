// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_source.hpp"

#include "observe/build_info.hpp"
#include "observe/limit_hits.hpp"
#include "observe/process_families.hpp"
#include "observe/renewal_text.hpp"
#include "observe/two_clocks.hpp"
#include "observe/upstream_health.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <unistd.h>

namespace onehop::observe {
namespace {

using WallTime = Overview::Time;

WallTime wall_time(double seconds_since_1970) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::duration<double>(seconds_since_1970)));
}

// The wall time of a time of the event loops.
std::optional<WallTime> wall_time(Time time) {
  if (time == Time{}) return std::nullopt;
  return TwoClocks().wall_time(time);
}

void add_failures(Overview::Totals& sums, const RequestTotals& totals) {
  for (const RequestTotals::Failures& one : totals.failures) {
    if (one.side == "client") sums.failures_client += one.count;
    if (one.side == "upstream") sums.failures_upstream += one.count;
    if (one.side == "proxy") sums.failures_proxy += one.count;
  }
}

// The name of a histogram in the RecentWindow.
std::string key(std::string_view phase, const std::string& address) {
  return std::string(phase) + " " + address;
}

Overview::Quantiles quantiles_of(const HistogramTotals& totals, const Buckets& buckets) {
  return {.p50 = quantile(totals, buckets, 0.5), .p99 = quantile(totals, buckets, 0.99)};
}

Overview::Upstream upstream_row(const RequestTotals::Address& address) {
  Overview::Upstream row;
  row.address = address.address;
  row.health = address.health;
  row.since = wall_time(address.since);
  row.in_flight = address.in_flight;
  row.requests = address.count();
  for (const RequestTotals::Reason& one : address.failures) {
    row.failures += one.count;
    row.reasons.emplace_back(one.reason, one.count);
  }
  row.connections_open = address.open;
  row.connections_idle = address.idle;
  return row;
}

bool is_current(const RequestTotals::Address& address) {
  return address.health != Overview::Health::draining;
}

// "" if no requests go to a backend.
std::string first_address_of(const Observed& observed) {
  const std::vector<Url> backends = observed.backend_urls();
  return backends.empty() ? "" : address_of(backends.front());
}

// Requests that got no connection have no address. They are counted where there is only one, else
// by the name in the backend's URL.
std::vector<RequestTotals::Address> rows_of(const RequestTotals::Upstream& upstream,
                                            const FormerBackend& former,
                                            const std::string& backend_address) {
  std::vector<RequestTotals::Address> rows;
  RequestTotals::Address unconnected;
  for (const RequestTotals::Address& one : upstream.addresses) {
    if (one.address.empty()) {
      unconnected = unconnected_since(former, one);
    } else {
      rows.push_back(one);
    }
  }
  if (unconnected.count() == 0) return rows;
  const auto is_by_name = [&](const RequestTotals::Address& row) {
    return is_current(row) && row.address == backend_address;
  };
  auto place = std::ranges::find_if(rows, is_by_name);
  if (place == rows.end() && std::ranges::count_if(rows, is_current) == 1) {
    place = std::ranges::find_if(rows, is_current);
  }
  if (place == rows.end()) {
    place = rows.insert(rows.end(), {.address = backend_address, .health = upstream.health});
  }
  place->add(unconnected);
  return rows;
}

void set_last_failure(Overview::Upstream& row, const Overview::Failure& failure) {
  if (row.last_failure_at) return;
  row.last_failure = failure.phase + ": " + failure.detail;
  row.last_failure_at = failure.at;
}

// The latest failure of the upstream at each address. A failure without an address counts for all
// addresses of the backend in use, unless it happened before that.
void add_last_failures(Overview& overview, std::optional<WallTime> in_use_since) {
  for (const Overview::Failure& failure : overview.failures) {  // the newest first
    if (failure.side != "upstream") continue;
    if (failure.upstream.empty() && in_use_since && failure.at <= *in_use_since) continue;
    for (Overview::Upstream& row : overview.upstreams) {
      const bool is_its = failure.upstream.empty() ? row.health != Overview::Health::draining
                                                   : row.address == failure.upstream;
      if (is_its) set_last_failure(row, failure);
    }
  }
}

void add_certificate_problems(Overview& overview) {
  constexpr std::chrono::days kSoon(7);
  for (const Overview::Certificate& certificate : overview.certificates) {
    const std::string name = certificate.names.empty() ? "?" : certificate.names.front();
    if (!certificate.renewal.empty()) {  // its lifetime may be a week
      if (certificate.concern == Overview::Concern::none) continue;
      overview.problems.push_back({certificate.concern == Overview::Concern::error,
                                   "The certificate of " + name + ": " + certificate.renewal});
      continue;
    }
    if (certificate.not_after <= overview.time) {
      overview.problems.push_back({true, "The certificate of " + name + " has expired."});
    } else if (certificate.not_after <= overview.time + kSoon) {
      overview.problems.push_back(
          {false, "The certificate of " + name + " expires within a week."});
    }
  }
}

// Users notice if all addresses are down, not if others serve instead.
void add_upstream_problems(Overview& overview, Overview::Health of_all) {
  const bool are_all_down = of_all == Overview::Health::down;
  for (const Overview::Upstream& row : overview.upstreams) {
    if (row.health != Overview::Health::down) continue;
    const std::string what =
        are_all_down ? row.backend : "address " + row.address + " of the backend";
    const std::string why = row.last_failure.empty() ? "." : ": " + row.last_failure;
    overview.problems.push_back({are_all_down, (are_all_down ? "The backend " : "The ") + what +
                                                   " accepts no connections" + why});
    if (are_all_down) break;
  }
}

void add_balanced_problems(Overview& overview) {
  for (const BalancedUpstream& upstream : overview.balanced) {
    if (std::string problem = problem_of(upstream); !problem.empty())
      overview.problems.push_back({upstream.usable() == 0, std::move(problem)});
  }
}

void add_problems(Overview& overview, Overview::Health of_all) {
  add_upstream_problems(overview, of_all);
  add_balanced_problems(overview);
  add_certificate_problems(overview);
  if (overview.state.reload_failed) {
    overview.problems.push_back({false,
                                 "The last reload has failed, so the settings before it are "
                                 "in use: " +
                                     overview.state.reload_message});
  }
  for (const auto& [level, what] :
       {std::pair(overview.memory, "memory (--max-memory)"),
        std::pair(overview.descriptors.value_or(Overview::Level()), "open files")}) {
    if (level.limit == 0 || level.used < level.limit / 10 * 9) continue;
    overview.problems.push_back(
        {true, "More than 90 % of the limit of " + std::string(what) + " are in use."});
  }
}

}  // namespace

Overview OverviewSource::make() {
  Overview overview;
  overview.time = std::chrono::system_clock::now();
  overview.monotonic = std::chrono::steady_clock::now().time_since_epoch();
  const ObservedNumbers numbers = read_numbers(*observed_);
  add_state(overview);
  add_requests(overview, numbers.requests);
  overview.balanced = balanced_upstreams(numbers.endpoints, {.wall = overview.time});
  add_upstreams(overview, numbers);
  add_process(overview);
  add_certificates(overview);
  add_server(overview, numbers);
  add_problems(overview, numbers.requests.upstreams.front().health);
  return overview;
}

void OverviewSource::add_state(Overview& overview) const {
  Overview::State& state = overview.state;
  const ReloadHistory::State reloads = observed_->reloads->state();
  state.version = build_info().version;
  state.pid = static_cast<std::uint64_t>(::getpid());
  if (observed_->generations) state.generations = observed_->generations();
  const bool drains = observed_->readiness() == Readiness::draining;
  state.activity = drains ? Overview::Activity::draining : Overview::Activity::serving;
  if (observed_->drain_ends) state.drain_ends = observed_->drain_ends();
  state.listeners = observed_->listeners();
  state.backends = observed_->backends();
  state.configuration = reloads.source;
  state.configured = reloads.configured;
  state.landlock = observed_->landlock;
  state.reload_failed = reloads.last_failed;
  state.reload_message = reloads.last_message;
}

void OverviewSource::add_requests(Overview& overview, const RequestTotals& totals) const {
  HistogramTotals durations;
  Overview::Totals& sums = overview.totals;
  for (const RequestTotals::Route& route : totals.routes) {
    for (const RequestTotals::Requests& one : route.requests)
      sums.requests += one.count;
    sums.request_body_bytes += route.request_body_bytes;
    sums.response_body_bytes += route.response_body_bytes;
    durations.add(route.duration);
  }
  add_failures(sums, totals);
  const Buckets& buckets = observed_->requests->buckets();
  for (std::size_t i = 0; i < buckets.size(); ++i)
    overview.duration.bounds.push_back(std::chrono::duration<double>(buckets.bound(i)).count());
  overview.duration.counts.assign(
      durations.counts.begin(),
      durations.counts.begin() + static_cast<std::ptrdiff_t>(buckets.size() + 1));
  overview.failures = observed_->requests->recent_failures();
}

void OverviewSource::add_upstreams(Overview& overview, const ObservedNumbers& numbers) {
  const Buckets& buckets = observed_->requests->buckets();
  const auto backends = observed_->backends();
  const RequestTotals::Upstream& upstream = numbers.requests.upstreams.front();
  const auto rows = rows_of(upstream, numbers.former, first_address_of(*observed_));
  RecentWindow::Histograms all;
  for (const RequestTotals::Address& address : rows) {
    all.emplace(key("connect", address.address), address.connect);
    all.emplace(key("wait", address.address), address.wait);
  }
  RecentWindow::Histograms recent;
  {
    const std::lock_guard lock(mutex_);
    recent = window_.advance(std::chrono::steady_clock::now(), all);
  }
  for (const RequestTotals::Address& address : rows) {
    Overview::Upstream row = upstream_row(address);
    if (is_current(address) && backends.size() == 1) row.backend = backends.front();
    row.connect = quantiles_of(recent[key("connect", address.address)], buckets);
    row.wait = quantiles_of(recent[key("wait", address.address)], buckets);
    overview.upstreams.push_back(std::move(row));
  }
  add_last_failures(overview, wall_time(numbers.former.until));
  // Addresses that are down come first: there may be a thousand others.
  std::ranges::sort(overview.upstreams, {}, [](const Overview::Upstream& row) {
    return std::tuple(row.health != Overview::Health::down, std::string_view(row.address));
  });
}

void OverviewSource::add_server(Overview& overview, const ObservedNumbers& numbers) {
  const std::lock_guard lock(mutex_);
  overview.totals.requests_in_flight = numbers.requests_in_flight();
  ServerOverview::add_requests(overview, *observed_->server);
  server_.add_metrics(overview, numbers.server);
  overview.limits = limit_hits(numbers.requests, numbers.server, {.wall = overview.time});
}

void OverviewSource::add_process(Overview& overview) {
  const ProcessNumbers process = read_process_numbers();
  if (process.start_time) overview.state.started = wall_time(*process.start_time);
  overview.resident_bytes = process.resident_bytes;
  if (process.open_descriptors) {
    overview.descriptors = {.used = *process.open_descriptors,
                            .limit = process.max_descriptors.value_or(0)};
  }
}

void OverviewSource::add_certificates(Overview& overview) const {
  auto& rows = overview.certificates;
  for (const TlsCertificateInfo& one : observed_->server->certificates()) {
    const bool is_shared =  // by listeners
        std::ranges::find(rows, one.sha256, &Overview::Certificate::sha256) != rows.end();
    if (is_shared) continue;
    rows.push_back({.names = one.names, .not_after = one.not_after, .sha256 = one.sha256});
  }
  if (!observed_->sites) return;
  for (const acme::SiteStatus& site : observed_->sites()) {
    const auto row = std::ranges::find(rows, site.sha256, &Overview::Certificate::sha256);
    if (row == rows.end()) continue;
    row->renewal = renewal_text(site);
    row->concern = concern_of(site);
  }
}

}  // namespace onehop::observe
