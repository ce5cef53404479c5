// SPDX-License-Identifier: Apache-2.0
//
// The service, as the admin pages see it.
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

// The same origin: its connections and its health are the same.
bool are_of_one_origin(const Url& one, const Url& other) {
  return one.scheme() == other.scheme() && one.authority() == other.authority() &&
         one.socket_path() == other.socket_path();
}

}  // namespace

void Service::record_former_backend(const config::Configuration& before) {
  const std::vector<Url> now = config::backends_of(*configuration());
  // The servers of services come and go; they are no backends that a reload has replaced.
  if (now.empty()) return;
  for (const Url& one : config::backends_of(before)) {
    const auto is_same = [&one](const Url& other) { return are_of_one_origin(one, other); };
    if (std::ranges::any_of(now, is_same)) return;
  }
  auto former = observe::former_backend(metrics_->totals(), std::chrono::steady_clock::now());
  const std::lock_guard lock(mutex_);
  former_backend_ = std::move(former);
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
  observed.backend_urls = [this] { return config::backends_of(*configuration()); };
  observed.landlock = setup_.files.state();
  observed.former_backend = [this] {
    const std::lock_guard lock(mutex_);
    return former_backend_;
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
