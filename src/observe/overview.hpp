// SPDX-License-Identifier: Apache-2.0
//
// Overview is the state of a proxy at one moment. The dashboard, its events and /status are three
// forms of it. The program fills it in on demand, on a thread of offload()'s pool. It is a value
// and contains no views.
//
// The JSON document (overview_json.hpp) uses the names of the members. Its times are seconds since
// 1970 and its durations seconds, both with a fraction; an unknown value is null or "". Texts come
// from clients and backends unescaped; each form of output escapes them.
// Thread: owner.
#pragma once

#include "observe/balanced_upstream.hpp"
#include "observe/generations.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace onehop::observe {

struct Overview {
  using Time = std::chrono::system_clock::time_point;
  using Duration = std::chrono::nanoseconds;

  enum class Activity : std::uint8_t { serving, draining };

  struct State {
    std::string version;  // "0.1.0"
    std::uint64_t pid = 0;
    Generations generations;
    std::optional<Time> started = {};
    Activity activity = Activity::serving;
    std::optional<Time> drain_ends = {};  // when requests in progress are cut
    std::vector<std::string> listeners;   // URLs: "https://127.0.0.1:8443"
    std::vector<std::string> backends;    // URLs, as configured
    // The source of the settings in use: "/etc/onehop.toml", "command line".
    std::string configuration;
    Time configured;
    std::string landlock;        // "on (version 7)", "off", or why it is off
    bool reload_failed = false;  // the last reload failed; earlier settings are in use
    std::string reload_message;  // one line; "" before the first reload
  };

  // Something that needs the operator's attention.
  struct Problem {
    bool is_urgent = false;  // users already notice it
    std::string text;        // one sentence
  };

  // Counters since the start, as in /metrics.
  struct Totals {
    std::uint64_t requests = 0;
    std::uint64_t failures_client = 0, failures_upstream = 0, failures_proxy = 0;
    std::uint64_t request_body_bytes = 0, response_body_bytes = 0;
    std::uint64_t tunnel_bytes_in = 0, tunnel_bytes_out = 0;  // from and to clients
    std::uint64_t connections_accepted = 0;
    // The numbers at this moment. Requests in flight do not include tunnels.
    std::uint64_t requests_in_flight = 0, tunnels_open = 0, connections_open = 0;
  };

  // The durations of requests since the start.
  struct Histogram {
    std::vector<double> bounds;         // upper bounds in seconds, ascending
    std::vector<std::uint64_t> counts;  // one more than bounds, not cumulative
  };

  struct Quantiles {
    std::optional<Duration> p50 = {}, p99 = {};
  };

  enum class Health : std::uint8_t {
    unused,  // it has received no request yet
    up,
    down,      // the last attempt to connect failed
    draining,  // the configuration or the discovery has removed it
  };

  // One address of a backend.
  struct Upstream {
    std::string upstream;  // its name in the metrics: "default"
    std::string backend;   // the configured URL; "" for an address that is no longer in use
    std::string address;   // "127.0.0.1:8000"
    Health health = Health::unused;
    std::optional<Time> since = {};  // when this health began
    std::uint64_t in_flight = 0;
    std::uint64_t requests = 0;  // since the start
    std::uint64_t failures = 0;  // since the start, regardless of the reason
    std::vector<std::pair<std::string, std::uint64_t>> reasons;  // of the failures
    Quantiles connect;  // in the last minute, or since the start if that is shorter
    Quantiles wait;     // from the end of the request to the response's head
    std::optional<std::uint64_t> connections_open = {}, connections_idle = {};
    std::string last_failure;  // a sentence; "" if there was none
    std::optional<Time> last_failure_at = {};
  };

  // A request in progress, or a tunnel.
  struct Request {
    std::uint64_t id = 0;  // of this process; the same in each overview
    std::string client;    // "192.0.2.7"
    std::string method;
    std::string host;
    std::string path;
    std::string query;     // with "?"; may contain secrets
    std::string protocol;  // "HTTP/1.1", "HTTP/2"; "websocket" for a tunnel
    std::string route;     // as in the access log; "" before one is chosen
    std::string upstream;  // the address; "" before a connection
    std::string phase;     // "head", "connect", "send", "wait", "respond", "tunnel"
    Duration age{};        // since the first byte of its head
    std::optional<Duration> phase_age = {};     // since the phase began
    std::uint64_t bytes_in = 0, bytes_out = 0;  // from and to the client
  };

  // A request that failed, as in one line of the access log.
  struct Failure {
    std::uint64_t id = 0;  // ascending
    Time at;
    std::string client;
    std::string method;
    std::string host;
    std::string path;
    std::string query;
    std::string protocol;
    int status = 0;             // 499 if the client left, 0 if nothing was sent
    std::string route;          // as in the access log
    std::string upstream_name;  // as in the metrics; "" if not sent on
    std::string upstream;       // the address
    std::string side;           // "client", "upstream", "proxy"
    std::string phase;
    std::string reason;  // the label of /metrics: "connect_failed"
    std::string detail;  // a sentence for the log only, as it may name addresses
    std::uint64_t attempts = 0;
    Duration duration{};
    std::string request_id;
    std::string trace_id;
  };

  // How serious it is that a certificate has not been renewed yet.
  enum class Concern : std::uint8_t { none, warning, error };

  struct Certificate {
    std::vector<std::string> names;
    Time not_after;
    std::string sha256;
    // For a certificate by ACME: when it is renewed, or why it is not. "" for any other.
    std::string renewal = {};
    Concern concern = Concern::none;  // about the renewal
  };

  // A used amount and its limit; 0 for no limit.
  struct Level {
    std::uint64_t used = 0, limit = 0;
  };

  // A limit that refused or delayed something in the last hour.
  struct LimitHit {
    std::string name;        // of the setting: "--max-memory"
    std::string what;        // "requests refused with 503"
    std::uint64_t hits = 0;  // since the start
    Time last;
  };

  struct Worker {
    std::uint64_t requests = 0;             // in flight
    std::optional<Duration> pass_p99 = {};  // of its event loop, in the last minute
    Duration longest_pass{};                // in the last one to two minutes
  };

  Time time;
  Duration monotonic{};  // the same moment by the steady clock
  State state;
  std::vector<Problem> problems;
  Totals totals;
  Histogram duration;
  std::vector<BalancedUpstream> balanced;
  std::vector<Upstream> upstreams;
  std::vector<Request> requests;  // the oldest, at most kMaxRequests
  std::vector<Request> tunnels;   // the oldest, at most kMaxRequests
  std::vector<Failure> failures;  // the latest, newest first, at most kMaxFailures
  std::vector<Certificate> certificates;
  Level memory;  // bytes held for clients and upstreams
  std::optional<std::uint64_t> resident_bytes = {};
  std::optional<Level> descriptors = {};
  std::vector<LimitHit> limits;
  std::vector<Worker> workers;
  std::uint64_t silent_workers = 0;  // workers that did not list their requests in time

  static constexpr std::size_t kMaxRequests = 50;
  static constexpr std::size_t kMaxFailures = 100;
};

}  // namespace onehop::observe
