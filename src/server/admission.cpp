// SPDX-License-Identifier: Apache-2.0
#include "server/admission.hpp"

#include <algorithm>

#include <sys/resource.h>

namespace onehop::server {
namespace {

// A connection of a client may need one to the upstream; some descriptors are for the rest.
std::size_t default_max_connections() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1'000'000;
  return std::max<std::size_t>(1, limit.rlim_cur / 10 * 8);
}

}  // namespace

void Admission::set_limits(const Server::Options& options, Log log) {
  const std::size_t connections = options.max_client_connections;
  set_max_connections(connections != 0 ? connections : default_max_connections());
  if (options.max_connections_per_client != no_limit ||
      options.max_requests_per_client != no_limit) {
    const auto number = [](Limit<std::size_t> limit) {
      return limit == no_limit ? std::size_t{0} : limit.value();  // 0: a ClientLimit counts nothing
    };
    limit_clients(number(options.max_connections_per_client),
                  number(options.max_requests_per_client));
  }
  const std::size_t memory = options.max_memory;
  limit_memory(memory != 0 ? memory : default_memory_ceiling(), std::move(log));
}

std::optional<ConnectionTicket> Admission::may_accept(const net::Address& peer,
                                                      const TrustedPeers& trusted) {
  if (!clients_ || trusted.includes(peer.ip())) return ConnectionTicket();
  return clients_->enter(peer);
}

std::optional<std::string> Admission::refused_connection_line(const net::Address& peer,
                                                              io::Time now) {
  return clients_ ? clients_->refusal_line(peer, now) : std::nullopt;
}

std::optional<RequestTicket> Admission::may_begin_request(const ConnectionTicket& connection,
                                                          std::string_view client,
                                                          bool is_trusted) {
  if (connection) return connection->enter_request();
  if (!clients_ || !is_trusted) return RequestTicket();
  const std::optional<net::Address> address = net::Address::from_ip(client, 0);
  return address ? clients_->enter_request(*address) : RequestTicket();
}

}  // namespace onehop::server
