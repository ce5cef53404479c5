// SPDX-License-Identifier: Apache-2.0
//
// ReservedConnections holds the idle connections of one origin that the upstream has authenticated
// for a client. Each serves only requests of that client's connection. Thread: owner.
#pragma once

#include "transport/h1_connection.hpp"

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

namespace onehop::transport {

class ReservedConnections {
 public:
  std::size_t size() const noexcept { return size_; }

  void add(std::unique_ptr<H1Connection> connection);
  // Returns a connection of this client, or null. A request with credentials gets one in the middle
  // of a handshake, if there is one; a request without credentials never does.
  std::unique_ptr<H1Connection> take(ConnectionId client, bool has_credentials);
  bool has(ConnectionId client) const { return by_client_.contains(client.number()); }
  // Returns the connection, or null if it is not in the list.
  std::unique_ptr<H1Connection> remove(const H1Connection& connection);
  // Closes connections that are unusable or have been idle for too long, and returns how many.
  std::size_t sweep(net::Time now);
  // Returns the connection whose last use is the longest ago, for the caller to close; null if
  // there is none. One in the middle of a handshake is returned only if `handshakes_too`.
  std::unique_ptr<H1Connection> take_oldest(bool handshakes_too);

 private:
  using OfClient = std::vector<std::unique_ptr<H1Connection>>;  // most recently used last
  using ByClient = std::unordered_map<std::uint64_t, OfClient>;

  std::unique_ptr<H1Connection> extract(ByClient::iterator client, OfClient::iterator place);

  ByClient by_client_;
  std::size_t size_ = 0;
};

}  // namespace onehop::transport
