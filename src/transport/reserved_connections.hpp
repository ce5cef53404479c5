// SPDX-License-Identifier: Apache-2.0
//
// ReservedConnections: the idle connections of one origin that the upstream has authenticated for a
// client. Each serves only requests of that client's connection. Thread: owner.
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
  // One of this client's, or null. A request with credentials receives one that is in the middle of
  // a handshake, if there is one; a request without credentials never does.
  std::unique_ptr<H1Connection> take(ConnectionId client, bool has_credentials);
  bool has(ConnectionId client) const { return by_client_.contains(client.number()); }
  // Null if it is not one of them.
  std::unique_ptr<H1Connection> remove(const H1Connection& connection);
  // Closes those that have been idle for too long or are unusable; returns how many.
  std::size_t sweep(net::Time now);
  // The one that was used longest ago, for the caller to close; null if there is none. One in the
  // middle of a handshake only if `handshakes_too`.
  std::unique_ptr<H1Connection> take_oldest(bool handshakes_too);

 private:
  using OfClient =
      std::vector<std::unique_ptr<H1Connection>>;  // the one that was used last is at the end
  using ByClient = std::unordered_map<std::uint64_t, OfClient>;

  std::unique_ptr<H1Connection> extract(ByClient::iterator client, OfClient::iterator place);

  ByClient by_client_;
  std::size_t size_ = 0;
};

}  // namespace onehop::transport
