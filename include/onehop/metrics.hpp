// SPDX-License-Identifier: Apache-2.0
//
// The results of Server::metrics() and Server::requests_in_flight(). All of them are values, and
// sums over all workers. Members whose names end in _total are counters, which only grow while the
// server runs; the others are gauges. Numbers are read one after the other while they change, so
// related numbers may not match exactly.
#pragma once

#include <onehop/method.hpp>
#include <onehop/version.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace onehop {

// DurationHistogram counts durations by length.
struct DurationHistogram {
  // The upper bounds of the buckets in seconds, each included in its bucket.
  static constexpr std::array<double, 15> kBounds{
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0};
  // The number of durations in each bucket, not cumulative. The last bucket is for durations above
  // all bounds.
  std::array<std::uint64_t, kBounds.size() + 1> counts{};
  std::chrono::microseconds sum{};  // of all durations

  // The number of durations.
  std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (const std::uint64_t one : counts)
      all += one;
    return all;
  }
  DurationHistogram& operator+=(const DurationHistogram& other) noexcept {
    for (std::size_t i = 0; i < counts.size(); ++i)
      counts[i] += other.counts[i];
    sum += other.sum;
    return *this;
  }
};

// Refusal is the reason why a client was not accepted.
enum class Refusal : std::uint8_t {
  client_limit,      // closed: max_connections_per_client
  connection_limit,  // accepting paused: max_client_connections
  memory,            // accepting paused: max_memory
  descriptors,       // accepting paused: no descriptor or no kernel memory was left
  proxy_header,      // closed: a peer in proxy_protocol without a valid header
};
// The number of enumerators of Refusal.
inline constexpr std::size_t kRefusals = 5;

// ServerMetrics is what Server::metrics() returns.
struct ServerMetrics {
  // The connections to one address.
  struct Listener {
    std::string address;                  // as in Server::addresses()
    std::size_t connections = 0;          // open now
    std::uint64_t connections_total = 0;  // accepted
  };
  // Tunnels, which begin with an Upgrade or an extended CONNECT.
  struct Tunnels {
    std::size_t open = 0;            // at this moment
    std::uint64_t opened_total = 0;  // since the start
    // Bytes, counted as they are relayed.
    std::uint64_t bytes_from_clients_total = 0, bytes_to_clients_total = 0;
  };
  // HTTP/2 connections of clients.
  struct Http2 {
    std::size_t streams = 0;                   // requests in progress
    std::uint64_t streams_total = 0;           // requests that have begun
    std::uint64_t refused_total = 0;           // requests refused because of max_memory
    std::uint64_t over_max_streams_total = 0;  // requests refused because of max_streams
    std::chrono::steady_clock::time_point last_over_max_streams{};  // zero: there was none
    std::uint64_t goaways_total = 0;  // connections whose end the server announced
    std::uint64_t floods_total = 0;   // connections closed with ENHANCE_YOUR_CALM
  };
  // Handshakes with clients.
  struct Tls {
    // Handshakes that succeeded.
    std::uint64_t tls1_2_total = 0, tls1_2_resumed_total = 0;  // resumed ones are part of the first
    std::uint64_t tls1_3_total = 0, tls1_3_resumed_total = 0;
    // Handshakes that did not succeed.
    std::uint64_t timed_out_total = 0, plain_http_total = 0, failed_total = 0;
    DurationHistogram duration;  // of those that succeeded, from accepting the connection
  };
  // One worker thread.
  struct Worker {
    // How long the event loop worked between two waits for events. A long pass means that a handler
    // blocks or computes: meanwhile all other requests of the worker wait.
    DurationHistogram passes;
    std::chrono::nanoseconds longest_pass{};  // in the last one to two minutes; 0 if all were short
    std::chrono::nanoseconds busy_for{};      // age of the current pass; zero while it waits
    std::size_t requests = 0;                 // in progress
  };

  std::vector<Listener> listeners;  // in the order of Server::addresses()
  // Open and accepted connections over all listeners, including removed ones.
  std::size_t connections = 0;
  std::uint64_t connections_total = 0;
  // By Refusal: the number of connections closed, or of times that accepting paused.
  std::array<std::uint64_t, kRefusals> refusals_total{};
  // By Refusal: the time of the last one; zero if there was none.
  std::array<std::chrono::steady_clock::time_point, kRefusals> last_refusals{};
  std::size_t requests = 0;                   // in progress, including tunnels
  std::uint64_t requests_total = 0;           // requests that have begun
  std::uint64_t overload_refusals_total = 0;  // requests refused because of max_memory
  Tunnels tunnels;
  Tunnels websockets;  // part of `tunnels`
  Http2 http2;
  Tls tls;
  // In bytes; see Server::memory_in_use(). The limit is 0 if there is none.
  std::size_t memory_held = 0, memory_limit = 0;
  std::vector<Worker> workers;              // by number; all zero for a worker that has ended
  std::uint64_t log_lines_lost_total = 0;   // lost by the default of Options::log
  std::uint64_t connections_cut_total = 0;  // closed by stop() with a request in progress

  // The element of refusals_total for `why`.
  std::uint64_t refused_total(Refusal why) const noexcept {
    return refusals_total[static_cast<std::size_t>(why)];
  }
};

// RequestPhase is the progress of a request.
enum class RequestPhase : std::uint8_t {
  head,        // the head is not complete
  handling,    // the handler runs, or the request waits for an upstream connection
  sending,     // the request is being sent to the upstream
  waiting,     // the upstream has not responded yet
  responding,  // the response is being sent to the client
  tunnel,
};

// RequestInFlight is one request in progress, or one tunnel. Texts that a peer sent are cut to 256
// bytes each.
struct RequestInFlight {
  std::uint64_t id = 0;                     // unique in this server, and constant
  std::string client;                       // ExchangeRecord::client
  Method method;                            // as received
  std::string host;                         // ExchangeRecord::host
  std::string path;                         // of the target, escaped
  std::string query;                        // with its '?'; it may hold secrets
  Version version = Version::http_1_1;      // of the client's connection
  std::string upgrade;                      // for a tunnel: the protocols that the client offered
  RequestPhase phase = RequestPhase::head;  // its progress
  std::chrono::nanoseconds age{};           // since its first byte
  std::optional<std::chrono::nanoseconds> phase_age = {};    // since the phase began
  std::uint64_t bytes_from_client = 0, bytes_to_client = 0;  // of content
  std::string route;           // ExchangeRecord::route; "" if there is none yet
  std::string upstream;        // the address; "" if there is none yet
  std::uint16_t attempts = 0;  // ExchangeRecord::attempts
};

// RequestsInFlight is what Server::requests_in_flight() returns.
struct RequestsInFlight {
  std::vector<RequestInFlight> requests;  // the oldest first, without tunnels
  std::vector<RequestInFlight> tunnels;   // the oldest first
  // Workers that did not answer in time; their requests are missing.
  std::size_t silent_workers = 0;
};

}  // namespace onehop
