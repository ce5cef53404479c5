// SPDX-License-Identifier: Apache-2.0
//
// IdleList holds the idle HTTP/1 connections of one origin on one worker: connections that any
// request may use, last in, first out, and connections that are each reserved for a client.
// Thread: owner.
#pragma once

#include "transport/h1_connection.hpp"
#include "transport/reserved_connections.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace onehop::transport {

class IdleList {
 public:
  // `pool` outlives it.
  explicit IdleList(PoolContext& pool) noexcept : pool_(pool) {}
  IdleList(const IdleList&) = delete;
  IdleList& operator=(const IdleList&) = delete;
  // Closes all connections.
  ~IdleList() { clear(); }

  std::size_t size() const noexcept { return idle_.size() + reserved_.size(); }
  // Returns a usable connection, or null.
  std::unique_ptr<H1Connection> try_take(Reuse reuse);
  // Returns a connection that is reserved for `client`, or null.
  std::unique_ptr<H1Connection> try_take_reserved(ConnectionId client, bool has_credentials);
  bool has_reserved(ConnectionId client) const { return reserved_.has(client); }

  void add(std::unique_ptr<H1Connection> connection);
  // Closes `connection` if it is in the list.
  void drop(const H1Connection& connection);
  // Closes the connections that have been idle for too long.
  void sweep(net::Time now);
  // Closes the oldest connection. Reserved ones come last, because their clients would have to
  // authenticate again; one in the middle of a handshake is closed only if `handshakes_too`.
  void close_oldest(bool handshakes_too);
  void clear();

 private:
  PoolContext& pool_;
  std::vector<std::unique_ptr<H1Connection>> idle_;  // the oldest first
  ReservedConnections reserved_;
};

}  // namespace onehop::transport
