// SPDX-License-Identifier: Apache-2.0
//
// SharedPools is the state that the pools of one Transport share: its options, the counts of each
// origin, the retry budget, and the messages between workers.
#pragma once

#include <onehop/transport.hpp>

#include "base/counter.hpp"
#include "base/duration_counts.hpp"
#include "io/reactor.hpp"
#include "net/tls_dialer.hpp"
#include "transport/idle_transfer.hpp"
#include "transport/retry_budget.hpp"
#include "transport/slot.hpp"
#include "transport/upstream_counts.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace onehop::transport {

// The counters of one worker's pool, which only this worker writes. Thread: any.
struct Counters {
  Counter open, idle, dialled, reused, retried;
  Counter dials_failed, retried_unsent, retried_refused, retried_uncertain;
  Counter tls1_2_full, tls1_2_resumed, tls1_3_full, tls1_3_resumed, tls_timed_out, tls_failed;
  Counter streams, streams_ended, goaways;  // over HTTP/2
  DurationCounts waits, tls_durations;
};

// Outlives every pool. Thread: any.
class SharedPools final : public Slot::Issuer, public std::enable_shared_from_this<SharedPools> {
 public:
  // One worker's pool as other workers see it. The virtual functions are called on its own worker.
  class Member {
   public:
    explicit Member(io::Reactor& reactor) noexcept : reactor_(reactor) {}
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    io::Reactor& reactor() const noexcept { return reactor_; }
    Counters& counters() noexcept { return counters_; }
    const Counters& counters() const noexcept { return counters_; }

    // A slot is free: waiting requests look again.
    virtual void dial_for_waiters() = 0;
    // The Transport is gone: the pool keeps nothing idle from this call on, and ends once it is
    // unused.
    virtual void retire() = 0;
    // Closes an idle connection to `key`, if there is one.
    virtual void close_idle(const std::string& key) = 0;
    // Called when `key` was abandoned: closes all idle connections to it, and ends the others once
    // their requests are over.
    virtual void close_abandoned(const std::string& key) = 0;
    // Sends an idle connection, or null, to `asker`; see complete().
    virtual void offer(const std::string& key, Reuse reuse, Member& asker) = 0;
    // Receives the result of this pool's request(): the connection, or null.
    virtual void complete(const std::string& key, std::unique_ptr<IdleTransfer> transfer) = 0;

   protected:
    ~Member() = default;

   private:
    io::Reactor& reactor_;
    Counters counters_;
  };

  explicit SharedPools(Transport::Options given)
      : options(std::move(given)),
        budget(options.retry_budget),
        tls(std::make_shared<net::LazyTlsClientContext>(options.tls)),
        max_connections_(options.max_connections) {}

  // A pool calls add() in its constructor and remove() in its destructor.
  void add(Member& pool);
  void remove(Member& pool);
  // Returns how many workers have a pool.
  std::size_t workers() const noexcept { return workers_.load(std::memory_order_relaxed); }

  std::shared_ptr<OriginCounters> origin(const std::string& key);
  // Records that one worker does not need `origin` any more; the last worker removes it.
  void forget(const std::string& key, std::shared_ptr<OriginCounters> origin);
  std::size_t origins() const;  // remembered
  // For NamedOrigins: name() adds a list that names `key`, unname() removes one that names `keys`.
  void name(const std::string& key);
  void unname(const std::vector<std::string>& keys) noexcept;
  // Returns the counts of an upstream, which are kept after its origins.
  std::shared_ptr<UpstreamCounts> upstream(const std::string& key, const Url& url);
  // Replaces the limits in the options.
  void set_limits(std::size_t max_connections, Limit<double> retry_budget) noexcept;
  // Returns the current limit of connections to one origin.
  std::size_t max_connections() const noexcept {
    return max_connections_.load(std::memory_order_relaxed);
  }
  // Takes one of the connections that max_connections allows, or returns std::nullopt if none is
  // left.
  std::optional<Slot> try_slot(const std::shared_ptr<OriginCounters>& origin);
  void on_free_slot(const OriginCounters& origin) noexcept override;
  // Calls `work` with `pool` on the pool's worker, unless the pool is gone by then.
  void post(Member& pool, std::function<void(Member&)> work);
  // The Transport is gone: each pool ends on its worker, with the last of its requests.
  void retire() noexcept;
  // Sums over all workers.
  Transport::Statistics statistics() const;
  std::size_t idle() const;
  // Asks another worker for an idle connection to `key`; asker.complete() is called later. Returns
  // false if no other worker has an idle connection.
  bool request(const std::string& key, Reuse reuse, Member& asker);
  void respond(const std::string& key, std::unique_ptr<IdleTransfer> transfer, Member& asker);
  // Asks the other workers to close an idle connection to `key`, whose slot `asker` needs.
  void ask_for_slot(const std::string& key, const Member& asker);

  const Transport::Options options;
  RetryBudget budget;
  const std::shared_ptr<net::LazyTlsClientContext> tls;

 private:
  // Makes the requests that wait for a slot look again, on every worker.
  void wake_waiters() noexcept;
  // The caller holds the mutex.
  void post_abandoned(std::vector<std::string> keys);
  // Work that runs on a pool's worker.
  struct Call {
    void operator()() const;
    std::shared_ptr<SharedPools> shared;
    Member& pool;
    std::function<void(Member&)> work;
  };
  // Does the work of post(); the caller holds the mutex.
  void post_to(Member& pool, std::function<void(Member&)> work);
  bool has(const Member& pool) const noexcept;

  std::atomic<std::size_t> workers_ = 0;
  std::atomic<std::size_t> max_connections_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<std::string, std::shared_ptr<OriginCounters>> origins_;
  std::unordered_map<std::string, std::shared_ptr<UpstreamCounts>> upstreams_;
  std::unordered_map<std::string, std::size_t> named_;  // how many lists name each key
  std::vector<Member*> pools_;
  Transport::Statistics of_ended_pools_;
};

}  // namespace onehop::transport
