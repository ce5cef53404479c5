// SPDX-License-Identifier: Apache-2.0
//
// ReservedConnections: the idle connections of one origin that the upstream has authenticated for a
// client. Each serves requests of that client's connection alone. One thread.
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
  // One of this client's, or null. A request with credentials gets one that is in the middle of a
  // handshake, if there is one; a request without credentials never does.
  std::unique_ptr<H1Connection> take(ConnectionId client, bool has_credentials);
  bool has(ConnectionId client) const { return by_client_.contains(client.number()); }
  // Null when it is not among them.
  std::unique_ptr<H1Connection> remove(const H1Connection& connection);
  // Closes those that are past their time or not usable; how many.
  std::size_t sweep(net::Time now);
  // The one that was used longest ago, for somebody to close; null when there is none. One in the
  // middle of a handshake only if told to.
  std::unique_ptr<H1Connection> take_oldest(bool handshakes_too);

 private:
  using OfClient = std::vector<std::unique_ptr<H1Connection>>;  // the one used last at the end
  using ByClient = std::unordered_map<std::uint64_t, OfClient>;

  std::unique_ptr<H1Connection> extract(ByClient::iterator client, OfClient::iterator place);

  ByClient by_client_;
  std::size_t size_ = 0;
};

}  // namespace onehop::transport
