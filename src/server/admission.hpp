// SPDX-License-Identifier: Apache-2.0
//
// Admission decides whether a server accepts a further connection or request. It counts those in
// progress, and combines the limits on connections, on each client (client_limit) and on memory
// (memory_ceiling). Limits may change at any time; a lowered limit does not end what is in
// progress.
// Thread: any.
#pragma once

#include <onehop/metrics.hpp>
#include <onehop/server.hpp>

#include "base/check.hpp"
#include "http/trusted_peers.hpp"
#include "net/address.hpp"
#include "server/client_limit.hpp"
#include "server/memory_ceiling.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::server {

class Admission {
 public:
  using Log = MemoryCeiling::Log;

  struct Limits {
    std::size_t connections;
    // For each client; 0 means no limit.
    std::size_t connections_per_client;
    std::size_t requests_per_client;
    std::size_t memory;  // in bytes
  };
  // Returns the limits in `options`. Where the options have 0 for connections or memory, the limit
  // is the share that the process may use.
  static Limits limits_of(const Server::Options& options);
  void set_limits(const Limits& limits) noexcept;
  // Called before the workers run.
  void set_log(Log log) { memory_.set_log(std::move(log)); }

  void set_max_connections(std::size_t max) noexcept {
    max_connections_.store(max, std::memory_order_relaxed);
  }
  void limit_clients(std::size_t max_connections, std::size_t max_requests) noexcept {
    clients_.set(max_connections, max_requests);
  }
  void limit_memory(std::size_t max) noexcept { memory_.set(max); }
  void lower_memory_limit(std::size_t max) noexcept { memory_.lower(max); }
  // Returns the number of counted bytes at which the memory limit is reached.
  std::size_t memory_limit() const noexcept { return memory_.counted(); }
  bool has_memory_limit() const noexcept { return !memory_.is_none(); }

  // --- connections ---
  // Reports whether there is room for a further connection of any client. If not, accepting pauses.
  bool has_room(io::Time now) { return !reason_to_pause(now); }
  std::optional<Refusal> reason_to_pause(io::Time now) {
    if (connections() >= max_connections_.load(std::memory_order_relaxed)) {
      return Refusal::connection_limit;
    }
    if (is_overloaded(now)) return Refusal::memory;
    return std::nullopt;
  }
  // Returns a ticket if a connection of `peer` may stay, or std::nullopt if the client has its
  // maximum of connections. The ticket is null for a peer that is not counted, such as a peer in
  // `trusted`.
  std::optional<ConnectionTicket> enter(const net::Address& peer, const TrustedPeers& trusted);
  // The limits on log lines about refused clients and about the memory limit.
  LineLimit& client_lines() noexcept { return clients_.lines(); }
  LineLimit& memory_lines() noexcept { return memory_.lines(); }
  // Returns the log line about a refused client; std::nullopt if there was one in the last 10 s.
  std::optional<std::string> refused_connection_line(const net::Address& peer, io::Time now);
  void on_accepted() noexcept { accepted_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t accepted() const noexcept { return accepted_.load(std::memory_order_relaxed); }
  void on_connection_began() noexcept { connections_.fetch_add(1, std::memory_order_relaxed); }
  void on_connection_ended() noexcept {
    ONEHOP_DCHECK(connections() > 0);
    connections_.fetch_sub(1, std::memory_order_relaxed);
  }
  std::size_t connections() const noexcept { return connections_.load(std::memory_order_relaxed); }

  // --- requests ---
  // Reports whether the memory limit is reached.
  bool is_overloaded(io::Time now) { return memory_.is_reached(now); }
  // Reports whether a further request of any client may begin. Counts a refusal if not.
  bool has_room_for_request(io::Time now) {
    if (!is_overloaded(now)) return true;
    on_request_refused();
    return false;
  }
  // Returns a ticket if a request of `client` may begin, or std::nullopt if the client has its
  // maximum in progress. `connection` is the ticket of the client's own connection. It is null if
  // the connection is a proxy's, or if nothing was limited when the connection began.
  std::optional<RequestTicket> enter_request(const ConnectionTicket& connection,
                                             std::string_view client);
  // Counts a request that was refused because the memory limit is reached.
  void on_request_refused() noexcept { memory_.on_request_refused(); }
  std::uint64_t refused_requests() const noexcept { return memory_.refused(); }

 private:
  std::atomic<std::size_t> max_connections_ = 0;
  std::atomic<std::size_t> connections_ = 0;
  std::atomic<std::uint64_t> accepted_ = 0;
  ClientLimit clients_{0, 0};
  MemoryCeiling memory_;
};

}  // namespace onehop::server
