// SPDX-License-Identifier: Apache-2.0
//
// Overview is what a proxy shows of itself at one moment: the dashboard, its events and /status are
// three forms of it. The program fills it in on the thread of the admin server, at most once a
// second and only while a client asks. It is a value without views.
//
// The names of the JSON document (overview_json.hpp) are those of the members. Its times are
// seconds since 1970, its durations seconds, both with a fraction; what is unknown is null or "".
// Texts come from clients and backends and are raw: each form of output escapes them.
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
    // Where the settings in use come from: "/etc/onehop.toml", "command line".
    std::string configuration;
    Time configured;
    std::string landlock;        // "on (version 7)", "off", or why it is off
    bool reload_failed = false;  // the last reload; the settings before it are in use
    std::string reload_message;  // one line; "" before the first reload
  };

  // Something that needs a human.
  struct Problem {
    bool is_urgent = false;  // users notice already
    std::string text;        // one sentence
  };

  // Counters since the start. They are those of /metrics.
  struct Totals {
    std::uint64_t requests = 0;
    std::uint64_t failures_client = 0, failures_upstream = 0, failures_proxy = 0;
    std::uint64_t request_body_bytes = 0, response_body_bytes = 0;
    std::uint64_t tunnel_bytes_in = 0, tunnel_bytes_out = 0;  // from and to clients
    std::uint64_t connections_accepted = 0;
    // At this moment. Requests in flight do not include tunnels.
    std::uint64_t requests_in_flight = 0, tunnels_open = 0, connections_open = 0;
  };

  // The duration of requests, since the start.
  struct Histogram {
    std::vector<double> bounds;         // upper bounds in seconds, ascending
    std::vector<std::uint64_t> counts;  // one more than bounds, not cumulative
  };

  struct Quantiles {
    std::optional<Duration> p50 = {}, p99 = {};
  };

  enum class Health : std::uint8_t {
    unused,  // nothing was sent to it yet
    up,
    down,      // the last attempt to connect failed
    draining,  // it is not in the configuration or its discovery anymore
  };

  // One address of a backend.
  struct Upstream {
    std::string upstream;  // its name, that of the metrics: "default"
    std::string backend;   // the URL, as configured; "" of an address that is not in use any more
    std::string address;   // "127.0.0.1:8000"
    Health health = Health::unused;
    std::optional<Time> since = {};  // of this health
    std::uint64_t in_flight = 0;
    std::uint64_t requests = 0;  // since the start
    std::uint64_t failures = 0;  // since the start, whatever the reason
    std::vector<std::pair<std::string, std::uint64_t>> reasons;  // of the failures
    Quantiles connect;  // in the last minute; before that, since the start
    Quantiles wait;     // from the end of the request to the head of the response
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
    std::string query;     // with "?"; it may hold secrets
    std::string protocol;  // "HTTP/1.1", "HTTP/2"; of a tunnel "websocket"
    std::string route;     // as in the access log; "" before one is chosen
    std::string upstream;  // the address; "" before one is connected
    std::string phase;     // "head", "connect", "send", "wait", "respond", "tunnel"
    Duration age{};        // since the first byte of its head
    std::optional<Duration> phase_age = {};     // since the phase began
    std::uint64_t bytes_in = 0, bytes_out = 0;  // from and to the client
  };

  // A request that failed. One row for one line of the access log.
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
    std::string upstream_name;  // that of the metrics; "" if it was not sent on
    std::string upstream;       // the address
    std::string side;           // "client", "upstream", "proxy"
    std::string phase;
    std::string reason;  // the label of /metrics: "connect_failed"
    std::string detail;  // a sentence, for the log only: it may name addresses
    std::uint64_t attempts = 0;
    Duration duration{};
    std::string request_id;
    std::string trace_id;
  };

  // How much it matters that a certificate was not renewed yet.
  enum class Concern : std::uint8_t { none, warning, error };

  struct Certificate {
    std::vector<std::string> names;
    Time not_after;
    std::string sha256;
    // Of one that onehop gets itself: when it is renewed, or why it is not. "" for another one.
    std::string renewal = {};
    Concern concern = Concern::none;  // of such a one
  };

  // Used and allowed. limit 0: none.
  struct Level {
    std::uint64_t used = 0, limit = 0;
  };

  // A limit that refused or delayed something in the last hour.
  struct LimitHit {
    std::string name;        // the setting: "--max-memory"
    std::string what;        // "requests refused with 503"
    std::uint64_t hits = 0;  // since the start
    Time last;
  };

  struct Worker {
    std::uint64_t requests = 0;             // in flight
    std::optional<Duration> pass_p99 = {};  // of its event loop, in the last minute
    Duration longest_pass{};                // in the last minute or two
  };

  Time time;
  Duration monotonic{};  // the same moment by a clock that is never set
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
  std::uint64_t silent_workers = 0;  // that did not list their requests in time

  static constexpr std::size_t kMaxRequests = 50;
  static constexpr std::size_t kMaxFailures = 100;
};

}  // namespace onehop::observe
