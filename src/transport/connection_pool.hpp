// SPDX-License-Identifier: Apache-2.0
//
// ConnectionPool: a transport's connections on one thread, by origin, and what the pools of all
// threads share.
#pragma once

#include <onehop/transport.hpp>
#include <onehop/url.hpp>

#include "base/counter.hpp"
#include "base/intrusive_list.hpp"
#include "net/dialer.hpp"
#include "net/tls_dialer.hpp"
#include "transport/origin_pool.hpp"
#include "transport/retry_budget.hpp"
#include "wire/parser_pool.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace onehop::transport {

class ConnectionPool;
class H2Origin;

// What the pools of one transport share. Outlives each of them.
struct SharedPools : std::enable_shared_from_this<SharedPools> {
  explicit SharedPools(Transport::Options given)
      : options(std::move(given)),
        budget(options.retry_budget),
        tls(std::make_shared<net::LazyTlsClientContext>(options.tls)) {}

  std::shared_ptr<SharedOrigin> origin(const std::string& key);
  // A thread has done with it. The last one takes it away.
  void forget(const std::string& key, std::shared_ptr<SharedOrigin> origin);
  // One of the connections that max_connections allows, if one is left.
  std::optional<Slot> try_slot(const std::shared_ptr<SharedOrigin>& origin);
  // A slot of `key` came free: threads with waiting requests look again.
  void on_free_slot(const SharedOrigin& origin) noexcept;
  // The Transport has gone: so do the pools, each on its thread, with the last of what they carry.
  void retire();
  // Over all threads.
  Transport::Statistics statistics() const;
  // Asks another thread for an idle connection to `key`: OriginPool::complete() will be called on
  // the asker's thread. False when there is nobody to ask.
  bool request(const std::string& key, Reuse reuse, ConnectionPool& asker);
  void respond(const std::string& key,
               std::unique_ptr<IdleTransfer> transfer,
               ConnectionPool& asker);
  // Asks the other threads to close an idle connection to `key`, which keeps a slot from `asker`.
  void ask_for_slot(const std::string& key, const ConnectionPool& asker);

  // Calls `work` with `pool` on its thread, unless it has gone by then. The caller holds the mutex.
  void post_to(ConnectionPool& pool, std::function<void(ConnectionPool&)> work);

  const Transport::Options options;
  RetryBudget budget;
  const std::shared_ptr<net::LazyTlsClientContext> tls;
  std::atomic<std::size_t> threads = 0;  // that have a pool

  mutable std::mutex mutex;
  // Guarded by mutex.
  std::unordered_map<std::string, std::shared_ptr<SharedOrigin>> origins;
  std::vector<ConnectionPool*> pools;
  Transport::Statistics of_ended_pools;
};

// Of one thread's pool.
struct Counters {
  Counter open, idle, dialled, reused, retried;
};

// What uses a connection of a pool, and may outlive it: a response's body that is kept longer than
// its server.
class PoolUser : public ListNode {
 public:
  PoolUser() = default;
  PoolUser(const PoolUser&) = delete;
  PoolUser& operator=(const PoolUser&) = delete;
  // The pool dies, and the event loop with it: nothing of either may be used any more.
  virtual void pool_ended() noexcept = 0;

 protected:
  ~PoolUser() = default;
};

class ConnectionPool final : public io::WorkerLocal {
 public:
  ConnectionPool(io::Reactor& reactor,
                 std::shared_ptr<SharedPools> shared,
                 std::unique_ptr<net::Dialer> dialer);
  ~ConnectionPool() override;

  // Forgotten when nothing holds its use() for a while.
  OriginPool& origin(const Url& url);
  H2Origin& h2_origin(const Url& url);
  OriginPool& origin(const std::string& key, const net::Destination& destination);
  void forget(const OriginPool& origin);
  void forget(const H2Origin& origin);
  std::size_t origins() const noexcept {
    return origins_.size() + h2_origins_.size();
  }  // remembered

  // Told when the pool ends, unless it is dead by then.
  void add(PoolUser& user) noexcept { users_.push_back(user); }

  io::Reactor& reactor() const noexcept { return reactor_; }
  SharedPools& shared() const noexcept { return *shared_; }
  const Transport::Options& options() const noexcept { return shared_->options; }
  net::Dialer& dialer() const noexcept { return *dialer_; }
  wire::ParserPool& parsers() noexcept { return parsers_; }
  const h1::Limits& limits() const noexcept { return limits_; }

  Counters& counters() noexcept { return counters_; }
  // Idle connections of all origins that are reserved for a client each.
  std::size_t reserved_idle() const noexcept { return reserved_idle_; }
  void count_reserved_idle() noexcept { ++reserved_idle_; }
  void count_reserved_gone(std::size_t count) noexcept { reserved_idle_ -= count; }
  // For a connection that was just made.
  ConnectionLifetime new_lifetime() const noexcept;
  // Both for the retry budget, which hears of requests a few at a time.
  void count_request() noexcept;
  bool try_retry() noexcept;

  // Keeps nothing idle any more, and destroys itself when nothing uses it.
  void retire();
  bool is_retired() const noexcept { return retired_; }

  void arm_sweep();
  void enforce_size();
  // Of whatever origin, over HTTP/2 where there is no other: its descriptor is needed.
  void close_one_idle();
  void dial_for_waiters();
  void close_idle(const std::string& key);
  // For `asker`, on another thread, which is told in any case.
  void offer(const std::string& key, Reuse reuse, ConnectionPool& asker);
  void complete(const std::string& key, std::unique_ptr<IdleTransfer> transfer);

 private:
  static void on_sweep(void* self);
  void end_if_unused() noexcept;

  io::Reactor& reactor_;
  std::shared_ptr<SharedPools> shared_;
  std::unique_ptr<net::Dialer> dialer_;
  h1::Limits limits_;
  wire::ParserPool parsers_;
  std::unordered_map<std::string, std::unique_ptr<OriginPool>> origins_;
  std::unordered_map<std::string, std::unique_ptr<H2Origin>> h2_origins_;
  OriginPool* last_ = nullptr;  // most transports have one origin
  H2Origin* last_h2_ = nullptr;
  IntrusiveList<PoolUser> users_;
  Counters counters_;
  std::size_t reserved_idle_ = 0;
  std::uint64_t unreported_requests_ = 0;
  io::Timer sweep_;
  io::Wakeup end_;
  bool retired_ = false;
};

}  // namespace onehop::transport
