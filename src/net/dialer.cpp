// SPDX-License-Identifier: Apache-2.0
#include "net/dialer.hpp"

#include <onehop/scope.hpp>

#include "base/poll.hpp"
#include "net/happy_eyeballs.hpp"
#include "net/resolver.hpp"
#include "net/socket_options.hpp"
#include "net/tcp_stream.hpp"

namespace onehop::net {
namespace {

// A vanished peer is detected after two minutes.
constexpr int kKeepAliveSeconds = 30;
// The maximum number of addresses named in a message.
constexpr std::size_t kMaxNamed = 5;

// Returns "while connecting to backend.internal (10.0.0.1:80, 10.0.0.2:80)" or the like.
std::string context_of(const Destination& destination, const std::vector<Address>& addresses) {
  std::string list;
  for (std::size_t i = 0; i < addresses.size() && i < kMaxNamed; ++i) {
    if (i > 0) list += ", ";
    list += addresses[i].to_string();
  }
  if (addresses.size() > kMaxNamed) {
    list += " and " + std::to_string(addresses.size() - kMaxNamed) + " more";
  }
  const bool has_name =
      !destination.connect_host().empty() && !Address::from_ip(destination.connect_host(), 0);
  if (!has_name) return "while connecting to " + list;
  return "while connecting to " + destination.connect_host() + " (" + list + ")";
}

Error late_name(const Destination& destination) {
  return Error(Errc::timed_out, Side::upstream, "while looking up " + destination.connect_host())
      .during(Phase::resolve)
      .retry_safe(true);
}

// Returns the addresses if they are known without waiting, or std::nullopt if the name must be
// resolved.
Poll<std::vector<Address>> known_addresses(io::Reactor& reactor,
                                           const std::string& name_servers,
                                           const Destination& destination) {
  if (!destination.socket_path.empty()) {
    const auto address = Address::from_socket_path(destination.socket_path);
    if (!address) return failure(address.error());
    return std::vector<Address>{*address};
  }
  if (const auto literal = Address::from_ip(destination.connect_host(), destination.port)) {
    return std::vector<Address>{*literal};
  }
  Resolver& resolver = Resolver::asking(reactor, name_servers);
  auto known = resolver.known(destination.connect_host(), destination.port);
  if (!known) return std::nullopt;
  return std::move(*known);
}

}  // namespace

task<Result<Dialled>> KernelDialer::dial(const Destination& destination) {
  const Time deadline = io::deadline_after(reactor_.now(), options_.total_timeout);
  auto addresses = known_addresses(reactor_, options_.name_servers, destination);
  if (!addresses) {
    Resolver& resolver = Resolver::asking(reactor_, options_.name_servers);
    auto look_up = resolver.resolve(destination.connect_host(), destination.port);
    addresses = co_await with_timeout(options_.total_timeout, std::move(look_up));
    const auto& found = *addresses;
    if (!found && found.error().is(Errc::timed_out)) co_return failure(late_name(destination));
  }
  if (!*addresses) co_return failure(std::move(addresses->error()));

  RaceOptions options{options_.attempt_timeout, options_.fallback_delay, deadline,
                      destination.reports};
  ConnectRace race(reactor_, options, **addresses);
  auto winner = co_await race;
  if (!winner) {
    co_return failure(winner.error()
                          .during(Phase::connect)
                          .retry_safe(true)
                          .with(context_of(destination, **addresses)));
  }
  if (!winner->address.is_unix())
    set_connection_options(winner->socket.get(), kKeepAliveSeconds, kKeepAliveSeconds);
  std::string name = winner->address.to_string();
  auto stream =
      std::make_unique<TcpStream>(reactor_, std::move(winner->socket), TcpStream::Role::connected);
  co_return Dialled(std::move(stream), std::move(name));
}

}  // namespace onehop::net
