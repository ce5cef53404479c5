// SPDX-License-Identifier: Apache-2.0
#include "transport/client_header.hpp"

#include "net/proxy_header.hpp"

#include <optional>

namespace onehop::transport {
namespace {

net::Address unnamed_socket() {
  constexpr sa_family_t kFamily = AF_UNIX;
  return {reinterpret_cast<const sockaddr*>(&kFamily), sizeof kFamily};
}

// Returns the listener's address in the family of the client.
net::Address destination(const net::Address& client, std::string_view local) {
  const auto listener = net::Address::parse_listen(local);
  if (listener && listener->family() == client.family()) return *listener;
  if (client.is_unix()) return unnamed_socket();
  const std::uint16_t port = listener ? listener->port() : std::uint16_t{0};
  return *net::Address::from_ip(client.family() == AF_INET ? "0.0.0.0" : "::", port);
}

}  // namespace

std::string client_header(const ConnectionInfo& connection) {
  if (!connection.id) return net::write_proxy_header({});
  const auto ip = net::Address::from_ip(connection.peer, connection.peer_port);
  const net::Address client = ip ? *ip : unnamed_socket();
  return net::write_proxy_header(
      {net::ProxyHeader::Ends{client, destination(client, connection.local)}});
}

}  // namespace onehop::transport
