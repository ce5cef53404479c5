// SPDX-License-Identifier: Apache-2.0
//
// ConnectionPool: the connections of a Transport on one worker, by origin. Thread: owner.
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
  // The upstream of `url`. Connections are made to `connect_address`, an IP address or a name,
  // instead of to the addresses of the URL's name, unless it is empty; TLS verifies the URL's name
  // either way. Upstreams with different addresses share no connections. An origin is forgotten 1 s
  // after the last object that holds an OriginUse::Ref of it is gone.
  // With Transport::Options::send_proxy, each client connection has origins of its own. `client`:
  // that of the request; null if there is none.
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
  // By the key of the upstream, and the number of the client; 0: for all clients.
  using Key = std::pair<std::string, std::uint64_t>;

  // A pool with more origins than this finds some of them by their key.
  static constexpr std::size_t kRecent = 256;
  // Where recent_ has the origin, if it has it.
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
  // A dialer of the program may make round trips, and so add origins while all are visited.
  std::map<Key, std::unique_ptr<Origin>> origins_;
  Origin* last_ = nullptr;                 // most transports have one origin
  std::array<Origin*, kRecent> recent_{};  // found again without a key; null: none
  io::Wakeup end_;
};

}  // namespace onehop::transport
