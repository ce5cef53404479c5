// SPDX-License-Identifier: Apache-2.0
//
// Observed gives the admin pages access to the state of the running program. The program sets the
// functions. They are called on threads of the admin listeners and of offload()'s pool, possibly at
// the same time, and must not wait for a worker.
// Thread: any.
#pragma once

#include <onehop/server.hpp>

#include "acme/site_status.hpp"
#include "observe/configured_upstream.hpp"
#include "observe/former_backend.hpp"
#include "observe/generations.hpp"
#include "observe/reload_history.hpp"
#include "observe/request_metrics.hpp"
#include "observe/trace_exporter.hpp"
#include "observe/upstream_checks.hpp"
#include "observe/upstream_endpoints.hpp"
#include "observe/upstream_statistics.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace onehop::observe {

enum class Readiness : std::uint8_t {
  starting,
  no_upstream,  // with --ready-needs-upstream: serving, but an upstream accepts no connections
  ready,
  draining,
};

struct Observed {
  // The server whose requests are counted. Must outlive the admin listener.
  const Server* server = nullptr;
  // Not null.
  std::shared_ptr<RequestMetrics> requests;
  // The statistics of all transports since the start.
  std::function<UpstreamStatistics()> transports = {};
  // The endpoints of the Upstreams. May be empty.
  std::function<Endpoints()> endpoints = {};
  std::function<Readiness()> readiness = {};
  // The checks of --ready-needs-upstream. May be null.
  std::shared_ptr<const UpstreamChecks> checks = {};
  // When a drain ends the requests in progress; std::nullopt if the process does not drain.
  std::function<std::optional<std::chrono::system_clock::time_point>()> drain_ends = {};
  // The URLs of the listeners and of the backends, for people.
  std::function<std::vector<std::string>()> listeners = {};
  std::function<std::vector<std::string>()> backends = {};
  // The configured upstreams, each with its backends.
  std::function<std::vector<ConfiguredUpstream>()> upstreams = {};
  // Whether Landlock restricts the files that the process may use: "on (version 7)", "off".
  std::string landlock = "off";
  // The counts of each upstream from before its backends changed. May be empty.
  std::function<FormerBackends()> former_backends = {};
  // Not null.
  std::shared_ptr<const ReloadHistory> reloads;
  // How often USR1 has reopened the access log. May be empty.
  std::function<std::uint64_t()> access_log_reopens = {};
  // The numbers of lost lines of the access log and of the program's log. May be empty.
  std::function<std::uint64_t()> access_lines_lost = {};
  std::function<std::uint64_t()> program_lines_lost = {};
  // The numbers of spans since the start. Empty without traces.
  std::function<TraceExporter::Statistics()> trace_spans = {};
  // The names whose certificates onehop gets by ACME, and their renewals. Both are empty if there
  // are none.
  std::function<std::vector<acme::SiteStatus>()> sites = {};
  std::function<acme::RenewerCounts()> renewals = {};
  // Empty if this is the first generation.
  std::function<Generations()> generations = {};
  // The effective configuration as text, without secrets. May be empty.
  std::function<std::string()> configuration = {};
};

}  // namespace onehop::observe
