// SPDX-License-Identifier: Apache-2.0
#include "config/contradictions.hpp"

#include "base/ascii.hpp"
#include "config/acme_contradictions.hpp"
#include "config/admin_contradictions.hpp"
#include "config/config_files.hpp"
#include "config/configuration.hpp"
#include "config/log_settings.hpp"
#include "config/tables.hpp"
#include "config/tls_flags.hpp"
#include "config/upstream_settings.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace onehop::config {
namespace {

using WasGiven = std::function<bool(std::string_view)>;

void about_host(const Configuration& configuration,
                const WasGiven& was_given,
                Contradictions& found) {
  const bool edits_host = std::ranges::any_of(configuration.header_up, [](const FieldEdit& edit) {
    return ascii::equals_ignoring_case(edit.name, "Host");
  });
  if (edits_host && was_given("host-header")) {
    found.push_back({"host-header",
                     "--header-up 'Host: ...' and --host-header both set the Host that is sent: "
                     "use one of them"});
  }
  // At the top, the setting may be meant for routes that override the other one.
  const bool is_for_others = !configuration.routes.empty();
  const bool keeps_host = configuration.host_header == "keep" && !edits_host;
  if (configuration.map_back_host && keeps_host && !is_for_others) {
    found.push_back(
        {"map-back-host", "--map-back-host undoes --host-header, which keeps that of the client"});
  }
}

void about_fields(const Configuration& configuration, Contradictions& found) {
  if (std::string why = contradiction_in(configuration.header_up); !why.empty()) {
    found.push_back({"header-up", "--header-up: " + why, "header-up"});
  }
  if (std::string why = contradiction_in(configuration.header_down); !why.empty()) {
    found.push_back({"header-down", "--header-down: " + why, "header-down"});
  }
}

void about_http2(const Configuration& configuration,
                 const WasGiven& was_given,
                 Contradictions& found) {
  for (const char* const name : {"max-streams", "stream-window", "connection-window"}) {
    if (configuration.server.http2 || !was_given(name)) continue;
    found.push_back(
        {name, "--" + std::string(name) + " configures HTTP/2, which --http2 off disables"});
  }
}

void about_protocols_of_backend(const Configuration& configuration,
                                const WasGiven& was_given,
                                Contradictions& found) {
  const std::string_view scheme = configuration.backend.scheme();
  if (was_given("backend-http2") && scheme != "https") {
    found.push_back({"backend-http2",
                     "--backend-http2 is for a backend with https://; HTTP/2 without TLS is "
                     "h2c://, and http:// is always HTTP/1.1"});
  }
  if (!configuration.upstream.health_check.starts_with("grpc")) return;
  if (scheme == "unix") {
    found.push_back({"health-check",
                     "--health-check grpc needs HTTP/2, and a backend with unix: has HTTP/1.1",
                     "backend"});
  } else if (scheme == "https" && !configuration.transport.http2) {
    found.push_back({"health-check",
                     "--health-check grpc needs HTTP/2, which --backend-http2 off disables",
                     "backend-http2"});
  }
}

void about_health_check(const UpstreamSettings& upstream,
                        const WasGiven& was_given,
                        Contradictions& found) {
  for (const char* const name :
       {"health-check-host", "health-check-interval", "health-check-timeout"}) {
    if (upstream.health_check != "off" || !was_given(name)) continue;
    found.push_back({name, "--" + std::string(name) + " has no effect: --health-check is off"});
  }
  if (upstream.health_check == "tcp" && was_given("health-check-host")) {
    found.push_back({"health-check-host",
                     "--health-check-host has no effect with --health-check tcp, which sends no "
                     "request"});
  }
}

void about_upstream(const Configuration& configuration,
                    const WasGiven& was_given,
                    Contradictions& found) {
  if (std::string why = why_not_together(configuration.backends); !why.empty()) {
    found.push_back({"backend", std::move(why), "backend"});
  }
  const UpstreamSettings& upstream = configuration.upstream;
  if (was_given("sticky-key") && !upstream.sticky.starts_with("cookie")) {
    found.push_back({"sticky-key", "--sticky-key is for --sticky cookie"});
  }
  about_health_check(upstream, was_given, found);
  const bool is_hashed = upstream.sticky == "client" || upstream.sticky.starts_with("header:");
  if (is_hashed && was_given("balance")) {
    found.push_back({"balance", "--sticky " + upstream.sticky +
                                    " chooses the backend itself: remove --balance, or use "
                                    "--sticky cookie"});
  }
  if (was_given("slow-start") && (is_hashed || upstream.balance == Balance::first)) {
    found.push_back({"slow-start", "--slow-start has no effect with " +
                                       (is_hashed ? "--sticky " + upstream.sticky
                                                  : std::string("--balance first")) +
                                       ", which ignores shares"});
  }
  if (was_given("retry-status") && upstream.max_attempts == 1) {
    found.push_back({"retry-status",
                     "--retry-status sends a request to another backend, which --max-attempts 1 "
                     "forbids"});
  }
  if (upstream.max_eject_time < upstream.eject_time) {
    found.push_back(
        {"max-eject-time", "--max-eject-time is shorter than --eject-time", "eject-time"});
  }
}

void about_logs(const Configuration& configuration,
                const WasGiven& was_given,
                Contradictions& found) {
  std::string why = contradiction_in_log_fields(configuration.access_log_fields);
  if (!why.empty()) found.push_back({"access-log-fields", std::move(why)});
  if (was_given("trace-sample") && !configuration.trace) {
    found.push_back({"trace-sample", "--trace-sample is for --trace URL, which is not set"});
  }
  if (configuration.access_log != observe::AccessLogFormat::off) return;
  for (const char* const name : {"access-log-to", "access-log-fields"}) {
    if (!was_given(name)) continue;
    found.push_back({name, "--" + std::string(name) +
                               " is for an access log, which --access-log off disables"});
  }
}

void about_watch(const Configuration& configuration, Contradictions& found) {
  if (!configuration.watch_config) return;
  const auto& files = configuration.config_files;
  if (files.empty()) {
    found.push_back({"watch-config", "--watch-config needs a file to watch: --config FILE"});
  }
  if (const auto pipe = std::ranges::find_if(files, is_read_once); pipe != files.end()) {
    found.push_back({"watch-config", "--watch-config needs files that can be read again: " + *pipe +
                                         " is not a regular file"});
  }
}

void about_readiness(const Configuration& configuration, Contradictions& found) {
  if (!configuration.admin.ready_needs_upstream) return;
  const bool is_demo = configuration.command == Command::demo;  // the demo has its own backend
  const auto leads_to_service = [](const auto& route) {
    return route->table.leads_to_backend() && have_service(route->backends);
  };
  if (!is_demo && !sends_requests_on(configuration)) {
    found.push_back({"ready-needs-upstream",
                     "--ready-needs-upstream has no effect: no request is sent to a backend"});
  } else if (have_service(configuration.backends) ||
             std::ranges::any_of(configuration.routes, leads_to_service)) {
    found.push_back({"ready-needs-upstream",
                     "--ready-needs-upstream does not support srv://, whose servers change: use "
                     "--health-check"});
  }
}

}  // namespace

Contradictions find_contradictions_of_backend(Configuration& configuration,
                                              const WasGiven& was_given) {
  Contradictions found;
  about_host(configuration, was_given, found);
  about_fields(configuration, found);
  about_upstream(configuration, was_given, found);
  configuration.transport.tls = {};
  if (!configuration.backend.is_absolute()) return found;
  about_protocols_of_backend(configuration, was_given, found);
  std::ranges::move(
      apply_backend_tls(configuration.tls, configuration.backend.scheme(), configuration.transport),
      std::back_inserter(found));
  return found;
}

Contradictions find_contradictions(const Configuration& configuration, const WasGiven& was_given) {
  Contradictions found;
  about_http2(configuration, was_given, found);
  about_acme(configuration, was_given, found);
  about_admin(configuration, found);
  about_logs(configuration, was_given, found);
  about_watch(configuration, found);
  about_readiness(configuration, found);
  return found;
}

}  // namespace onehop::config
