// SPDX-License-Identifier: Apache-2.0
//
// Resolver: host names to addresses by c-ares (DNS and /etc/hosts), without blocking. Answers are
// kept for their TTL, and beyond it for when the name servers fail; look-ups of one name share a
// query. One per thread; a look-up is cancelled by destroying its task.
#pragma once

#include <onehop/error.hpp>
#include <onehop/task.hpp>

#include "io/reactor.hpp"
#include "net/address.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::net {

struct ResolverOptions {
  // "ADDRESS[:PORT],..." instead of what /etc/resolv.conf names; nothing but DNS is asked then.
  std::string servers;
  // The file that names the servers, and is read again when it has changed.
  std::string configuration = "/etc/resolv.conf";
  // The first try at a name server; the second waits twice as long.
  io::Duration try_timeout = std::chrono::milliseconds(1500);
  int tries = 3;
  // The TTL of an answer is taken as at least and at most this; a failure is kept for the minimum.
  io::Duration min_ttl = std::chrono::seconds(1);
  io::Duration max_ttl = std::chrono::seconds(30);
  // How long an answer that is past its TTL is held back in the hope of a fresh one. A name in use
  // is asked for before that, in the last quarter of its TTL.
  io::Duration patience = std::chrono::milliseconds(50);
};

class Resolver final : public io::WorkerLocal {
 public:
  // The one of this thread. `options` count at its first use.
  static Resolver& of(io::Reactor& reactor, ResolverOptions options = ResolverOptions());

  Resolver(io::Reactor& reactor, ResolverOptions options);
  ~Resolver() override;

  // One to 24 addresses, in the order to try them (RFC 8305 §4): the families in turn, beginning
  // with the one preferred here (RFC 6724). Errors: Errc::name_not_resolved, retry_safe.
  task<Result<std::vector<Address>>> resolve(std::string host, std::uint16_t port);
  // The same when the answer is known without waiting: an IP literal, or a name within its TTL,
  // which may be asked for anew in the background.
  std::optional<std::vector<Address>> known(std::string_view host, std::uint16_t port);

  // Makes an answer known, as if it had just arrived.
  void remember(std::string_view host, std::vector<Address> addresses, io::Duration ttl);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace onehop::net
