// SPDX-License-Identifier: Apache-2.0
//
// ConnectionPool holds one worker's connections of a Transport, by origin. Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/url.hpp>

#include "transport/origin.hpp"
#include "transport/pool_context.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::transport {

class ConnectionPool final : public io::WorkerLocal,
                             public SharedPools::Member,
                             private PoolContext::Owner,
                             private Origin::Keeper {
 public:
  ConnectionPool(io::Reactor& reactor,
                 std::shared_ptr<SharedPools> shared,
                 std::unique_ptr<net::Dialer> dialer);
  ~ConnectionPool() override;

  PoolContext& context() noexcept { return context_; }
  // Returns the origin for `url`. If `connect_address` is not empty, it is an IP address or a name
  // to which connections are made instead of the addresses of the URL's host; TLS verifies the
  // URL's host either way. Upstreams with different connect addresses share no connections. An
  // origin is forgotten 1 s after its last OriginUse::Ref is destroyed.
  // With Transport::Options::send_proxy, each client connection has its own origins. `client` is
  // the connection of the request, or null if there is none.
  Origin& origin(const Url& url,
                 std::string_view connect_address = {},
                 const ConnectionInfo* client = nullptr);
  std::size_t origins() const noexcept { return origins_.size(); }  // remembered

  void dial_for_waiters() override;
  void retire() override;
  void close_idle(const std::string& key) override;
  void close_abandoned(const std::string& key) override;
  void offer(const std::string& key, Reuse reuse, Member& asker) override;
  void complete(const std::string& key, std::unique_ptr<IdleTransfer> transfer) override;

 private:
  // The key of the upstream, and the number of the client connection; 0 for all clients.
  using Key = std::pair<std::string, std::uint64_t>;

  // The size of recent_, in which pairs of slots share two origins. If three origins have the same
  // pair, or the pool has more origins than slots, some are looked up by key.
  static constexpr std::size_t kRecent = 256;
  // Returns one of the two indexes in recent_ where the origin may be; the other differs in bit 0.
  static std::size_t recent_slot(const Url& url,
                                 std::string_view connect_address,
                                 ConnectionId client) noexcept;

  net::Destination destination_of(const Url& url, std::string_view connect_address) const;
  Origin& keyed_origin(const Url& url,
                       std::string_view connect_address,
                       ConnectionId id,
                       const ConnectionInfo* client);
  Origin* find(const Key& key) const noexcept;
  void forget(const Origin& origin) override;
  bool sweep() override;
  void close_one_idle() override;
  void end_if_unused() noexcept;
  void end() { reactor().forget_local<ConnectionPool>(&context_.shared()); }

  PoolContext context_;
  // A map, whose iterators stay valid: while all origins are visited, the program's dialer may make
  // round trips, which add origins.
  std::map<Key, std::unique_ptr<Origin>> origins_;
  Origin* last_ = nullptr;                 // most transports have one origin
  std::array<Origin*, kRecent> recent_{};  // found without a key; null: none
  io::Wakeup end_;
};

}  // namespace onehop::transport
