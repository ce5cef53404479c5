// SPDX-License-Identifier: Apache-2.0
//
// Resolver resolves host names with c-ares (DNS and /etc/hosts) without blocking. It keeps
// responses for their TTL, and longer in case the name servers fail, or deny the name for less than
// DnsChannel::kAbsenceGrace. Look-ups of one name share a query. There is one resolver per thread
// and list of name servers. Destroying the task cancels a look-up.
// Thread: owner.
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
  // "ADDRESS[:PORT],..." replaces the servers of /etc/resolv.conf, and /etc/hosts is not read. If
  // empty, the system's files are used.
  std::string servers;
  // The file that names the servers. It is read again after a change.
  std::string configuration = "/etc/resolv.conf";
  // Timeout of the first try at a name server. The second waits twice as long.
  io::Duration try_timeout = std::chrono::milliseconds(1500);
  int tries = 3;
  // Minimum and maximum of a response's TTL. A failure is kept for the minimum.
  io::Duration min_ttl = std::chrono::seconds(1);
  io::Duration max_ttl = std::chrono::seconds(30);
  // How long an expired response is withheld while a new query runs. A name in use is queried
  // earlier: in the last quarter of its TTL.
  io::Duration patience = std::chrono::milliseconds(50);
};

// Counts since the start of the process, over all threads.
struct ResolverCounts {
  std::uint64_t queries;
  std::uint64_t stale_answers;  // times that old addresses were used for lack of new ones
};
ResolverCounts resolver_counts() noexcept;

class Resolver final : public io::WorkerLocal {
 public:
  // Returns the resolver of this thread. The first call makes it with `options`, which later calls
  // ignore.
  static Resolver& of(io::Reactor& reactor, ResolverOptions options = ResolverOptions());
  // Returns the resolver of this thread that queries `servers`, as in ResolverOptions::servers, or
  // of() if `servers` is empty. It exists as long as the thread.
  static Resolver& asking(io::Reactor& reactor, const std::string& servers);

  Resolver(io::Reactor& reactor, ResolverOptions options);
  ~Resolver() override;

  // Returns one to 24 addresses in the order to try them (RFC 8305 §4): the families alternate,
  // beginning with the one that this machine prefers (RFC 6724). Errors: Errc::name_not_resolved,
  // retry_safe.
  task<Result<std::vector<Address>>> resolve(std::string host, std::uint16_t port);
  // Returns the addresses if they are known without waiting: those of an IP literal, or of a name
  // within its TTL, for which it may start a query in the background.
  std::optional<std::vector<Address>> known(std::string_view host, std::uint16_t port);

  // Stores a response as if it had just arrived.
  void remember(std::string_view host, std::vector<Address> addresses, io::Duration ttl);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace onehop::net
