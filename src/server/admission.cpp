// SPDX-License-Identifier: Apache-2.0
#include "server/admission.hpp"

#include <algorithm>

#include <sys/resource.h>

namespace onehop::server {
namespace {

// Returns 80 % of the descriptors. A client's connection may need another to the upstream, and the
// process needs some descriptors for other purposes.
std::size_t default_max_connections() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1'000'000;
  return std::max<std::size_t>(1, limit.rlim_cur / 10 * 8);
}

}  // namespace

Admission::Limits Admission::limits_of(const Server::Options& options) {
  const auto number = [](Limit<std::size_t> limit) {
    return limit == no_limit ? std::size_t{0} : limit.value();
  };
  const std::size_t connections = options.max_client_connections;
  const std::size_t memory = options.max_memory;
  return {.connections = connections != 0 ? connections : default_max_connections(),
          .connections_per_client = number(options.max_connections_per_client),
          .requests_per_client = number(options.max_requests_per_client),
          .memory = memory != 0 ? memory : default_memory_ceiling()};
}

void Admission::set_limits(const Limits& limits) noexcept {
  set_max_connections(limits.connections);
  limit_clients(limits.connections_per_client, limits.requests_per_client);
  limit_memory(limits.memory);
}

std::optional<ConnectionTicket> Admission::enter(const net::Address& peer,
                                                 const TrustedPeers& trusted) {
  if (!clients_.is_on() || trusted.includes(peer.ip())) return ConnectionTicket();
  return clients_.enter(peer);
}

std::optional<std::string> Admission::refused_connection_line(const net::Address& peer,
                                                              io::Time now) {
  return clients_.refusal_line(peer, now);
}

std::optional<RequestTicket> Admission::enter_request(const ConnectionTicket& connection,
                                                      std::string_view client) {
  if (connection) return connection->enter_request();
  if (!clients_.is_on()) return RequestTicket();
  const std::optional<net::Address> address = net::Address::from_ip(client, 0);
  return address ? clients_.enter_request(*address) : RequestTicket();
}

}  // namespace onehop::server
