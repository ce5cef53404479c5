// SPDX-License-Identifier: Apache-2.0
//
// Admission: whether a server takes on anything new: a connection, a request. It counts what is in
// progress, and joins the limits on connections, on each client (client_limit) and on memory
// (memory_ceiling). Limits may change at any time: what is in progress beyond a lower one goes on.
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
    // For each client; 0: no limit.
    std::size_t connections_per_client;
    std::size_t requests_per_client;
    std::size_t memory;  // in bytes
  };
  // Those that the options ask for, with what the process may use in place of 0.
  static Limits limits_of(const Server::Options& options);
  void set_limits(const Limits& limits) noexcept;
  // Before the workers run.
  void set_log(Log log) { memory_.set_log(std::move(log)); }

  void set_max_connections(std::size_t max) noexcept {
    max_connections_.store(max, std::memory_order_relaxed);
  }
  void limit_clients(std::size_t max_connections, std::size_t max_requests) noexcept {
    clients_.set(max_connections, max_requests);
  }
  void limit_memory(std::size_t max) noexcept { memory_.set(max); }
  void lower_memory_limit(std::size_t max) noexcept { memory_.lower(max); }
  // With how many counted bytes the memory limit is reached.
  std::size_t memory_limit() const noexcept { return memory_.counted(); }
  bool has_memory_limit() const noexcept { return !memory_.is_none(); }

  // --- connections ---
  // Whether another connection of any client has room. If not, accepting pauses.
  bool has_room(io::Time now) { return !reason_to_pause(now); }
  std::optional<Refusal> reason_to_pause(io::Time now) {
    if (connections() >= max_connections_.load(std::memory_order_relaxed)) {
      return Refusal::connection_limit;
    }
    if (is_overloaded(now)) return Refusal::memory;
    return std::nullopt;
  }
  // Whether a connection of `peer` may stay: its ticket, or std::nullopt if the client has as many
  // as it may. The ticket is null for a peer that is not counted, as those in `trusted` are not.
  std::optional<ConnectionTicket> enter(const net::Address& peer, const TrustedPeers& trusted);
  // Of the lines about refused clients, and about the memory limit, those that were left out.
  LineLimit& client_lines() noexcept { return clients_.lines(); }
  LineLimit& memory_lines() noexcept { return memory_.lines(); }
  // The line for the log about a client that was refused; std::nullopt if there was one lately.
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
  // Whether the memory limit is reached.
  bool is_overloaded(io::Time now) { return memory_.is_reached(now); }
  // Whether another request of any client may begin. Counts those that may not.
  bool has_room_for_request(io::Time now) {
    if (!is_overloaded(now)) return true;
    on_request_refused();
    return false;
  }
  // Whether one of `client` may begin: its ticket, or std::nullopt if the client has as many in
  // progress as it may. `connection`: the ticket of the connection if that is the client's own;
  // null if it is a proxy's, or began when nothing was limited.
  std::optional<RequestTicket> enter_request(const ConnectionTicket& connection,
                                             std::string_view client);
  // A request was refused for want of memory.
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
