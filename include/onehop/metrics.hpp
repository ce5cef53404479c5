// SPDX-License-Identifier: Apache-2.0
//
// The results of Server::metrics() and Server::requests_in_flight(). All of them are values, and
// sums over all workers. Names that end in _total are counters, which only grow from the start of
// the server on; the others are gauges. Numbers are read one after the other while they change, so
// those that belong together may differ slightly.
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

// How many durations were how long.
struct DurationHistogram {
  // In seconds, each included in its bucket.
  static constexpr std::array<double, 15> kBounds{
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0};
  // Not cumulative. The last one is for those above all bounds.
  std::array<std::uint64_t, kBounds.size() + 1> counts{};
  std::chrono::nanoseconds sum{};  // of all durations

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

// Why a client was not accepted.
enum class Refusal : std::uint8_t {
  client_limit,      // closed: max_connections_per_client
  connection_limit,  // accepting paused: max_client_connections
  memory,            // accepting paused: max_memory
  descriptors,       // accepting paused: no descriptor, or no memory of the kernel
  proxy_header,      // closed: a peer in proxy_protocol without a valid header
};
// The number of enumerators of Refusal.
inline constexpr std::size_t kRefusals = 5;

// ServerMetrics is what Server::metrics() returns.
struct ServerMetrics {
  // The clients of one address.
  struct Listener {
    std::string address;                  // as in Server::addresses()
    std::size_t connections = 0;          // open ones
    std::uint64_t connections_total = 0;  // accepted ones
  };
  // Connections that an Upgrade or an extended CONNECT has made tunnels.
  struct Tunnels {
    std::size_t open = 0;            // at this moment
    std::uint64_t opened_total = 0;  // since the start
    // Counted as they are relayed.
    std::uint64_t bytes_from_clients_total = 0, bytes_to_clients_total = 0;
  };
  // HTTP/2 of clients.
  struct Http2 {
    std::size_t streams = 0;                   // requests in progress
    std::uint64_t streams_total = 0;           // requests that have begun
    std::uint64_t refused_total = 0;           // requests refused for want of memory
    std::uint64_t over_max_streams_total = 0;  // and because max_streams were open
    std::chrono::steady_clock::time_point last_over_max_streams{};  // zero: there was none
    std::uint64_t goaways_total = 0;  // connections whose end the server announced
    std::uint64_t floods_total = 0;   // connections closed with ENHANCE_YOUR_CALM
  };
  // Handshakes with clients.
  struct Tls {
    // Handshakes that succeeded.
    std::uint64_t tls1_2_total = 0, tls1_2_resumed_total = 0;  // the second is part of the first
    std::uint64_t tls1_3_total = 0, tls1_3_resumed_total = 0;
    // And those that did not.
    std::uint64_t timed_out_total = 0, plain_http_total = 0, failed_total = 0;
    DurationHistogram duration;  // of those that succeeded, from accepting the connection on
  };
  // One worker thread.
  struct Worker {
    // How long the event loop worked between two waits for events. A long one is a handler that
    // blocks, or computes: meanwhile all other requests of the worker wait.
    DurationHistogram passes;
    std::chrono::nanoseconds longest_pass{};  // in the last minute or two; 0 if all were short
    std::chrono::nanoseconds busy_for{};      // the present one; zero while it waits
    std::size_t requests = 0;                 // in progress
  };

  std::vector<Listener> listeners;  // in the order of Server::addresses()
  // Open and accepted ones, over all listeners, those that were removed included.
  std::size_t connections = 0;
  std::uint64_t connections_total = 0;
  // By Refusal: connections that were closed, and how often accepting paused.
  std::array<std::uint64_t, kRefusals> refusals_total{};
  // By Refusal: when the last one was; zero if there was none.
  std::array<std::chrono::steady_clock::time_point, kRefusals> last_refusals{};
  std::size_t requests = 0;                   // in progress, tunnels included
  std::uint64_t requests_total = 0;           // that have begun
  std::uint64_t overload_refusals_total = 0;  // requests refused because of max_memory
  Tunnels tunnels;
  Tunnels websockets;  // part of them
  Http2 http2;
  Tls tls;
  // In bytes; see Server::memory_in_use(). The limit is 0 if there is none.
  std::size_t memory_held = 0, memory_limit = 0;
  std::vector<Worker> workers;              // by number; all zero for one that has ended
  std::uint64_t log_lines_lost_total = 0;   // of a server without Options::log
  std::uint64_t connections_cut_total = 0;  // with a request in progress, by stop()

  // The element of refusals_total for `why`.
  std::uint64_t refused_total(Refusal why) const noexcept {
    return refusals_total[static_cast<std::size_t>(why)];
  }
};

// How far a request has come.
enum class RequestPhase : std::uint8_t {
  head,        // its head is not complete
  handling,    // the handler has it, or it waits for a connection to the upstream
  sending,     // it has a connection, and is being sent
  waiting,     // for the response of the upstream
  responding,  // the client gets the response
  tunnel,
};

// One request in progress, or one tunnel. Texts of peers have at most 256 bytes each; longer ones
// are cut.
struct RequestInFlight {
  std::uint64_t id = 0;                     // of this server; the same as long as the request lasts
  std::string client;                       // ExchangeRecord::client
  Method method;                            // as received
  std::string host;                         // ExchangeRecord::host
  std::string path;                         // of the request's target, escaped
  std::string query;                        // with its '?'; it may hold secrets
  Version version = Version::http_1_1;      // of the client's connection
  std::string upgrade;                      // of a tunnel: the protocols that the client offered
  RequestPhase phase = RequestPhase::head;  // how far it has come
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
