// SPDX-License-Identifier: Apache-2.0
//
// ConnectionPool: the connections of a Transport on one worker, by origin. Thread: owner.
#pragma once

#include <onehop/url.hpp>

#include "transport/h2_origin.hpp"
#include "transport/origin_pool.hpp"
#include "transport/pool_context.hpp"

#include <memory>
#include <string>
#include <unordered_map>

namespace onehop::transport {

class ConnectionPool final : public io::WorkerLocal,
                             public SharedPools::Member,
                             private PoolContext::Owner,
                             private H2Origin::Keeper {
 public:
  ConnectionPool(io::Reactor& reactor,
                 std::shared_ptr<SharedPools> shared,
                 std::unique_ptr<net::Dialer> dialer);
  ~ConnectionPool() override;

  PoolContext& context() noexcept { return context_; }
  // An origin is forgotten 1 s after the last object that holds an OriginUse::Ref of it is gone.
  OriginPool& origin(const Url& url);
  H2Origin& h2_origin(const Url& url);
  std::size_t origins() const noexcept {  // remembered
    return origins_.size() + h2_origins_.size();
  }

  void dial_for_waiters() override;
  void retire() override;
  void close_idle(const std::string& key) override;
  void offer(const std::string& key, Reuse reuse, Member& asker) override;
  void complete(const std::string& key, std::unique_ptr<IdleTransfer> transfer) override;

 private:
  OriginPool& origin(const std::string& key, const net::Destination& destination) override;
  void forget(const OriginPool& origin) override;
  void forget(const H2Origin& origin) override;
  bool sweep() override;
  void close_one_idle() override;
  H2Origin::Keeper& keeper() noexcept { return *this; }
  void end_if_unused() noexcept;

  PoolContext context_;
  std::unordered_map<std::string, std::unique_ptr<OriginPool>> origins_;
  std::unordered_map<std::string, std::unique_ptr<H2Origin>> h2_origins_;
  OriginPool* last_ = nullptr;  // most transports have one origin
  H2Origin* last_h2_ = nullptr;
  io::Wakeup end_;
};

}  // namespace onehop::transport
