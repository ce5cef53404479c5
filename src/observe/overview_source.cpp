// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_source.hpp"

#include "observe/build_info.hpp"
#include "observe/limit_hits.hpp"
#include "observe/process_families.hpp"
#include "observe/renewal_text.hpp"
#include "observe/two_clocks.hpp"
#include "observe/upstream_health.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <unistd.h>

namespace onehop::observe {
namespace {

using WallTime = Overview::Time;

WallTime wall_time(double seconds_since_1970) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::duration<double>(seconds_since_1970)));
}

// Converts a time of the event loops to wall time.
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

// Returns the name of a histogram in the RecentWindow.
std::string key(std::string_view phase,
                const std::string& upstream,
                const RequestTotals::Address& address) {
  return std::string(phase) + " " + upstream + " " + address.address;
}

Overview::Quantiles quantiles_of(const HistogramTotals& totals, const Buckets& buckets) {
  return {.p50 = quantile(totals, buckets, 0.5), .p99 = quantile(totals, buckets, 0.99)};
}

Overview::Upstream upstream_row(const RequestTotals::Address& address) {
  Overview::Upstream row;
  row.backend = address.backend;
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

using Rows = std::vector<RequestTotals::Address>;

// Returns the row that requests without a connection are counted in: with several backends, the
// only row that is down; else the current row whose address is the name in the first backend's URL;
// else the only current row. Returns rows.end() if there is no such row.
Rows::iterator place_of_unconnected(Rows& rows, const ConfiguredUpstream& upstream) {
  const auto only = [&rows](auto is_its) {
    return std::ranges::count_if(rows, is_its) == 1 ? std::ranges::find_if(rows, is_its)
                                                    : rows.end();
  };
  Rows::iterator place = rows.end();
  if (upstream.backends.size() > 1) {
    place = only([](const auto& row) { return row.health == Overview::Health::down; });
  }
  if (place != rows.end()) return place;
  const std::string by_name = address_of(upstream.backends.front().url);
  place = std::ranges::find_if(rows, [&by_name](const RequestTotals::Address& row) {
    return is_current(row) && row.address == by_name;
  });
  return place != rows.end() ? place : only(is_current);
}

// Returns the rows of an upstream. Adds the requests that got no connection, which have no address,
// to one of the rows, or to a new one for the first backend.
Rows rows_of(const RequestTotals::Upstream& upstream, const ObservedNumbers& numbers) {
  Rows rows;
  RequestTotals::Address unconnected;
  const auto former = numbers.former.find(upstream.name);
  for (const RequestTotals::Address& one : upstream.addresses) {
    if (one.address.empty()) {
      unconnected = former == numbers.former.end() ? one : unconnected_since(former->second, one);
    } else {
      rows.push_back(one);
    }
  }
  const ConfiguredUpstream* const configured = numbers.configured(upstream.name);
  if (unconnected.count() == 0 || configured == nullptr || configured->backends.empty())
    return rows;
  auto place = place_of_unconnected(rows, *configured);
  if (place == rows.end()) {
    const ConfiguredBackend& first = configured->backends.front();
    place = rows.insert(
        rows.end(),
        {.address = address_of(first.url), .backend = first.shown, .health = upstream.health});
  }
  place->add(unconnected);
  return rows;
}

void set_last_failure(Overview::Upstream& row, const Overview::Failure& failure) {
  if (row.last_failure_at) return;
  row.last_failure = failure.phase + ": " + failure.detail;
  row.last_failure_at = failure.at;
}

bool is_down(const Overview::Upstream& row) {
  return row.health == Overview::Health::down;
}

// Reports whether a failure belongs to a row. A failure without an address belongs to the addresses
// of its upstream that are down or, if none is, to all that are in use.
bool is_of(const Overview::Upstream& row, const Overview::Failure& failure, bool is_any_down) {
  if (!failure.upstream.empty()) return row.address == failure.upstream;
  return is_any_down ? is_down(row) : row.health != Overview::Health::draining;
}

// Sets the latest failure of each address. Ignores failures without an address from before the
// upstream's backends came into use.
void add_last_failures(Overview& overview, const ObservedNumbers& numbers) {
  std::set<std::string_view> down;
  for (const Overview::Upstream& row : overview.upstreams) {
    if (is_down(row)) down.insert(row.upstream);
  }
  for (const Overview::Failure& failure : overview.failures) {  // newest first
    if (failure.side != "upstream") continue;
    const auto former = numbers.former.find(failure.upstream_name);
    const auto in_use_since =
        former == numbers.former.end() ? std::nullopt : wall_time(former->second.until);
    if (failure.upstream.empty() && in_use_since && failure.at <= *in_use_since) continue;
    const bool is_any_down = down.contains(failure.upstream_name);
    for (Overview::Upstream& row : overview.upstreams) {
      if (row.upstream == failure.upstream_name && is_of(row, failure, is_any_down))
        set_last_failure(row, failure);
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

std::string problem_text(const std::string& what, const Overview::Upstream& row) {
  return "The " + what + " accepts no connections" +
         (row.last_failure.empty() ? "." : ": " + row.last_failure);
}

struct BackendProblems {
  bool is_down = false;  // all of its addresses are down
  std::vector<std::string> texts;
};

// Returns one sentence for a backend that is down; otherwise one for each of its addresses that is
// down.
BackendProblems problems_of(const ConfiguredBackend& backend,
                            const std::string& upstream,
                            const std::vector<Overview::Upstream>& all) {
  const auto is_its = [&](const Overview::Upstream& row) {
    return row.upstream == upstream && row.backend == backend.shown;
  };
  const bool is_one_up = std::ranges::any_of(
      all, [&](const Overview::Upstream& row) { return is_its(row) && !is_down(row); });
  BackendProblems problems;
  for (const Overview::Upstream& row : all) {
    if (!is_its(row) || !is_down(row)) continue;
    if (!is_one_up) return {true, {problem_text("backend " + backend.shown, row)}};
    problems.texts.push_back(
        problem_text("address " + row.address + " of the backend " + backend.shown, row));
  }
  return problems;
}

void add_balanced_problems(Overview& overview) {
  for (const BalancedUpstream& upstream : overview.balanced) {
    if (std::string problem = problem_of(upstream); !problem.empty())
      overview.problems.push_back({upstream.usable() == 0, std::move(problem)});
  }
}

// Reports whether all endpoints of a backend are passed over. problem_of() then reports them.
bool is_passed_over(const ConfiguredBackend& backend, std::span<const Upstream::Status> all) {
  const auto is_its = [&](const Upstream::Status& status) {
    return status.endpoint.url == backend.url;
  };
  return std::ranges::any_of(all, is_its) && std::ranges::none_of(all, [&](const auto& status) {
           return is_its(status) && is_usable(status.state);
         });
}

// Users notice if all backends of an upstream are out of service, not if others serve instead.
void add_upstream_problems(Overview& overview, const ObservedNumbers& numbers) {
  for (const RequestTotals::Upstream& upstream : numbers.requests.upstreams) {
    const ConfiguredUpstream* const configured = numbers.configured(upstream.name);
    if (configured == nullptr) continue;
    const std::span<const Upstream::Status> statuses =
        statuses_of(numbers.endpoints, upstream.name);
    bool are_all_out = true;
    std::vector<std::string> texts;
    for (const ConfiguredBackend& backend : configured->backends) {
      if (is_passed_over(backend, statuses)) continue;
      BackendProblems its = problems_of(backend, upstream.name, overview.upstreams);
      are_all_out = are_all_out && its.is_down;
      std::ranges::move(its.texts, std::back_inserter(texts));
    }
    if (are_all_out && !texts.empty()) texts.resize(1);  // one problem stands for all
    for (std::string& text : texts)
      overview.problems.push_back({are_all_out, std::move(text)});
  }
}

void add_problems(Overview& overview, const ObservedNumbers& numbers) {
  add_upstream_problems(overview, numbers);
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
        {true, "More than 90 % of the limit of " + std::string(what) + " is in use."});
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
  add_problems(overview, numbers);
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
  // The rows, each with the name of its upstream.
  std::vector<std::pair<std::string, RequestTotals::Address>> rows;
  RecentWindow::Histograms all;
  for (const RequestTotals::Upstream& upstream : numbers.requests.upstreams) {
    for (RequestTotals::Address& address : rows_of(upstream, numbers)) {
      all.emplace(key("connect", upstream.name, address), address.connect);
      all.emplace(key("wait", upstream.name, address), address.wait);
      rows.emplace_back(upstream.name, std::move(address));
    }
  }
  RecentWindow::Histograms recent;
  {
    const std::lock_guard lock(mutex_);
    recent = window_.advance(std::chrono::steady_clock::now(), all);
  }
  for (const auto& [upstream, address] : rows) {
    Overview::Upstream row = upstream_row(address);
    row.upstream = upstream;
    row.connect = quantiles_of(recent[key("connect", upstream, address)], buckets);
    row.wait = quantiles_of(recent[key("wait", upstream, address)], buckets);
    overview.upstreams.push_back(std::move(row));
  }
  add_last_failures(overview, numbers);
  // Addresses that are down come first, since there may be a thousand others.
  std::ranges::sort(overview.upstreams, {}, [](const Overview::Upstream& row) {
    return std::tuple(!is_down(row), std::string_view(row.upstream), std::string_view(row.address));
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
    const bool is_shared =  // by several listeners
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
