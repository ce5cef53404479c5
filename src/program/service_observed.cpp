// SPDX-License-Identifier: Apache-2.0
//
// The part of Service that the admin pages see.
#include "config/print.hpp"
#include "config/secrets.hpp"
#include "config/tables.hpp"
#include "program/service.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace onehop::program {
namespace {

// Reports whether both URLs have the same origin, and so the same connections and health.
bool are_of_one_origin(const Url& one, const Url& other) {
  return one.scheme() == other.scheme() && one.authority() == other.authority() &&
         one.socket_path() == other.socket_path();
}

// Reports whether a reload replaces all backends. The servers of services come and go, so they do
// not count as replaced.
bool are_all_replaced(const config::UsedUpstream& before, const config::UsedUpstream& now) {
  if (now.has_service) return false;
  return std::ranges::none_of(before.backends, [&now](const Url& one) {
    return std::ranges::any_of(now.backends,
                               [&one](const Url& other) { return are_of_one_origin(one, other); });
  });
}

std::vector<observe::ConfiguredUpstream> upstreams_of(const config::Configuration& configuration) {
  std::vector<observe::ConfiguredUpstream> all;
  for (const config::UsedUpstream& one : config::used_upstreams(configuration)) {
    observe::ConfiguredUpstream& made = all.emplace_back();
    made.name = observe::upstream_name(one.name);
    made.has_service = one.has_service;
    for (const Url& backend : one.backends)
      made.backends.push_back({.url = backend, .shown = config::shown_url(backend)});
  }
  return all;
}

}  // namespace

// Must be called before the switch, after which requests count for the backends of `now`. An
// upstream that was removed has no entry, because its addresses go with their last connections.
observe::FormerBackends Service::former_backends(const config::Configuration& before,
                                                 const config::Configuration& now) const {
  const std::vector<config::UsedUpstream> all_before = config::used_upstreams(before);
  const observe::RequestTotals totals = metrics_->totals();
  const auto time = std::chrono::steady_clock::now();
  observe::FormerBackends former;
  const std::lock_guard lock(mutex_);
  for (const config::UsedUpstream& one : config::used_upstreams(now)) {
    const std::string name(observe::upstream_name(one.name));
    const auto its = std::ranges::find(all_before, one.name, &config::UsedUpstream::name);
    const bool is_again =  // an upstream of this name existed before
        its == all_before.end() &&
        std::ranges::find(totals.upstreams, name, &observe::RequestTotals::Upstream::name) !=
            totals.upstreams.end();
    if (is_again || (its != all_before.end() && are_all_replaced(*its, one))) {
      former.emplace(name, observe::former_backend(totals, name, time));
    } else if (const auto known = former_backends_.find(name); known != former_backends_.end()) {
      former.insert(*known);
    }
  }
  return former;
}

observe::Observed Service::observed() const {
  observe::Observed observed;
  observed.server = server_.get();
  observed.requests = metrics_;
  observed.reloads = history_;
  observed.transports = [this] { return transports_.statistics(); };
  observed.endpoints = [this] { return transports_.endpoints(); };
  observed.readiness = [readiness = readiness_] { return readiness->load(); };
  observed.checks = checks_;
  observed.access_log_reopens = [this] { return access_logs_.reopens(); };
  observed.access_lines_lost = [this] { return access_logs_.lost(); };
  observed.program_lines_lost = [this] { return log_.lost(); };
  if (traces_) observed.trace_spans = [traces = traces_] { return traces->statistics(); };
  observed.sites = [this] { return certificates_.status(); };
  observed.renewals = [this] { return certificates_.counts(); };
  observed.drain_ends = [this] { return stopping_->ends_at(); };
  observed.listeners = [this] { return urls(); };
  observed.backends = [this] {
    std::vector<std::string> shown;
    for (const Url& backend : config::backends_of(*configuration()))
      shown.push_back(config::shown_url(backend));
    return shown;
  };
  observed.upstreams = [this] { return upstreams_of(*configuration()); };
  observed.landlock = setup_.files.state();
  observed.former_backends = [this] {
    const std::lock_guard lock(mutex_);
    return former_backends_;
  };
  observed.generations = [this] {
    observe::Generations generations{.own = generation_};
    for (const Progress& one : draining_.ask())
      generations.earlier.push_back({.requests = one.requests, .connections = one.connections});
    generations.counts = draining_.counts();
    return generations;
  };
  observed.configuration = [this] {
    const std::lock_guard lock(mutex_);
    return config::print_configuration(*loaded_, config::Secrets::hidden);
  };
  return observed;
}

}  // namespace onehop::program
