// SPDX-License-Identifier: Apache-2.0
//
// IdleList: the idle HTTP/1 connections of one origin on one worker: those that any request may
// use, last in, first out, and those that are reserved for a client each. Thread: owner.
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
  // Closes all of them.
  ~IdleList() { clear(); }

  std::size_t size() const noexcept { return idle_.size() + reserved_.size(); }
  // A connection that is usable, or null.
  std::unique_ptr<H1Connection> try_take(Reuse reuse);
  // One that is reserved for `client`, or null.
  std::unique_ptr<H1Connection> try_take_reserved(ConnectionId client, bool has_credentials);
  bool has_reserved(ConnectionId client) const { return reserved_.has(client); }

  void add(std::unique_ptr<H1Connection> connection);
  // Closes `connection`, if it is one of them.
  void drop(const H1Connection& connection);
  // Closes those that have been idle for too long.
  void sweep(net::Time now);
  // Closes the oldest, a reserved one last: its client would have to authenticate again. One in the
  // middle of a handshake only if `handshakes_too`.
  void close_oldest(bool handshakes_too);
  void clear();

 private:
  PoolContext& pool_;
  std::vector<std::unique_ptr<H1Connection>> idle_;  // the oldest first
  ReservedConnections reserved_;
};

}  // namespace onehop::transport
