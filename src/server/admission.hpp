// SPDX-License-Identifier: Apache-2.0
//
// Admission: whether a server takes on anything new: a connection, a request. It counts what is in
// progress, and joins the limits on connections, on each client (client_limit) and on memory
// (memory_ceiling). Set up by one thread before the workers run. Thread: any.
#pragma once

#include <onehop/server.hpp>

#include "base/check.hpp"
#include "http/trusted_peers.hpp"
#include "net/address.hpp"
#include "server/client_limit.hpp"
#include "server/memory_ceiling.hpp"

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::server {

class Admission {
 public:
  using Log = MemoryCeiling::Log;

  // Sets all limits as the options say.
  void set_limits(const Server::Options& options, Log log);
  void set_max_connections(std::size_t max) noexcept { max_connections_ = max; }
  // For each client; 0: no limit.
  void limit_clients(std::size_t max_connections, std::size_t max_requests) {
    clients_.emplace(max_connections, max_requests);
  }
  // In bytes.
  void limit_memory(std::size_t max, Log log) { memory_.set(max, std::move(log)); }
  // With how many counted bytes the memory limit is reached.
  std::size_t memory_limit() const noexcept { return memory_.counted(); }

  // --- connections ---
  // Whether another connection may be accepted from any client. If not, accepting pauses.
  bool may_accept(io::Time now) { return connections() < max_connections_ && !is_overloaded(now); }
  // Whether a connection of `peer` may stay: its ticket, or std::nullopt if the client has as many
  // as it may. The ticket is null for a peer that is not counted, as those in `trusted` are not.
  std::optional<ConnectionTicket> may_accept(const net::Address& peer, const TrustedPeers& trusted);
  // The line for the log about a client that was refused; std::nullopt if there was one lately.
  std::optional<std::string> refused_connection_line(const net::Address& peer, io::Time now);
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
  bool may_begin_request(io::Time now) {
    if (!is_overloaded(now)) return true;
    on_request_refused();
    return false;
  }
  // Whether one of `client` may, which came over the connection with this ticket: its own ticket,
  // or std::nullopt if the client has as many in progress as it may. `is_trusted`: the connection
  // is a proxy's, and the client that of the request.
  std::optional<RequestTicket> may_begin_request(const ConnectionTicket& connection,
                                                 std::string_view client,
                                                 bool is_trusted);
  // A request was refused for want of memory.
  void on_request_refused() noexcept { memory_.on_request_refused(); }

 private:
  std::size_t max_connections_ = 0;
  std::atomic<std::size_t> connections_ = 0;
  std::optional<ClientLimit> clients_;
  MemoryCeiling memory_;
};

}  // namespace onehop::server
