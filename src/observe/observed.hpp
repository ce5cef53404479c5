// SPDX-License-Identifier: Apache-2.0
//
// Observed: what the admin pages show of the running program. The program sets the functions, which
// are called on the admin thread and must not wait for a worker.
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
  no_upstream,  // with --ready-needs-upstream: it serves, but an upstream accepts no connections
  ready,
  draining,
};

struct Observed {
  // The server whose requests are counted. It outlives the admin listener.
  const Server* server = nullptr;
  // Not null.
  std::shared_ptr<RequestMetrics> requests;
  // Of all transports since the start.
  std::function<UpstreamStatistics()> transports = {};
  // Of the Upstreams. May be empty.
  std::function<Endpoints()> endpoints = {};
  std::function<Readiness()> readiness = {};
  // Those of --ready-needs-upstream. May be null.
  std::shared_ptr<const UpstreamChecks> checks = {};
  // When the requests in progress are cut; std::nullopt unless it drains.
  std::function<std::optional<std::chrono::system_clock::time_point>()> drain_ends = {};
  // URLs, for people: where the server listens, and where requests go.
  std::function<std::vector<std::string>()> listeners = {};
  std::function<std::vector<std::string>()> backends = {};
  // The upstreams, each with its backends.
  std::function<std::vector<ConfiguredUpstream>()> upstreams = {};
  // Whether the files that the process may use are restricted: "on (version 7)", "off".
  std::string landlock = "off";
  // The backends before those of each upstream, and their failures. May be empty.
  std::function<FormerBackends()> former_backends = {};
  // Not null.
  std::shared_ptr<const ReloadHistory> reloads;
  // How often USR1 was obeyed. May be empty.
  std::function<std::uint64_t()> access_log_reopens = {};
  // Lines that were lost of the access log, and of the program's own. May be empty.
  std::function<std::uint64_t()> access_lines_lost = {};
  std::function<std::uint64_t()> program_lines_lost = {};
  // Spans since the start. Empty without traces.
  std::function<TraceExporter::Statistics()> trace_spans = {};
  // The names whose certificates onehop gets itself. Both empty if there are none.
  std::function<std::vector<acme::SiteStatus>()> sites = {};
  std::function<acme::RenewerCounts()> renewals = {};
  // Empty: this is the first generation.
  std::function<Generations()> generations = {};
  // The effective configuration as text, without secrets. May be empty.
  std::function<std::string()> configuration = {};
};

}  // namespace onehop::observe
