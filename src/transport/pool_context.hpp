// SPDX-License-Identifier: Apache-2.0
//
// PoolContext is the interface of one worker's pool for its origins, connections and exchanges.
// Thread: owner.
#pragma once

#include "base/intrusive_list.hpp"
#include "net/dialer.hpp"
#include "transport/shared_pools.hpp"
#include "wire/parser_pool.hpp"

#include <cstdint>
#include <memory>

namespace onehop::transport {

// An object that uses a connection and may outlive the pool, such as the body of a response that is
// kept longer than its server.
class PoolUser : public ListNode {
 public:
  PoolUser() = default;
  PoolUser(const PoolUser&) = delete;
  PoolUser& operator=(const PoolUser&) = delete;
  // The pool ends now, and the event loop with it. Neither may be used after this call.
  virtual void pool_ended() noexcept = 0;

 protected:
  ~PoolUser() = default;
};

class PoolContext {
 public:
  // The pool itself.
  class Owner {
   public:
    // Closes connections that have been idle for too long. Returns false if none is idle.
    virtual bool sweep() = 0;
    // Closes an idle connection to any origin, to free its place or its descriptor.
    virtual void close_one_idle() = 0;

   protected:
    ~Owner() = default;
  };

  // `owner` and `member` outlive it.
  PoolContext(Owner& owner,
              SharedPools::Member& member,
              std::shared_ptr<SharedPools> shared,
              std::unique_ptr<net::Dialer> dialer);
  PoolContext(const PoolContext&) = delete;
  PoolContext& operator=(const PoolContext&) = delete;

  io::Reactor& reactor() const noexcept { return member_.reactor(); }
  // Reports false on the thread of another worker.
  bool is_on_its_worker() const noexcept {
    const io::Reactor* const current = io::Reactor::current_or_null();
    return !current || current == &reactor();
  }
  SharedPools& shared() const noexcept { return *shared_; }
  // Returns this worker's pool, for messages between workers.
  SharedPools::Member& member() const noexcept { return member_; }
  const Transport::Options& options() const noexcept { return shared_->options; }
  net::Dialer& dialer() const noexcept { return *dialer_; }
  wire::ParserPool& parsers() noexcept { return parsers_; }
  const h1::Limits& limits() const noexcept { return limits_; }
  Counters& counters() const noexcept { return member_.counters(); }

  // Calls user.pool_ended() when the pool ends, unless `user` is destroyed first.
  void add(PoolUser& user) noexcept { users_.push_back(user); }
  void end_users() noexcept;

  // Returns how many idle connections of all origins are reserved for a client.
  std::size_t reserved_idle() const noexcept { return reserved_idle_; }
  void count_reserved_idle() noexcept { ++reserved_idle_; }
  void count_reserved_gone(std::size_t count) noexcept;
  // Returns the lifetime of a connection that was just made.
  ConnectionLifetime new_lifetime() const noexcept;
  // These use the retry budget, to which requests are reported 32 at a time.
  void count_request() noexcept;
  bool try_retry() noexcept;

  // Called after a connection has become idle: closes another if there are too many.
  void enforce_size();
  // Reports whether one more idle connection would be too many.
  bool is_full() const;
  void arm_sweep();
  void close_one_idle() { owner_.close_one_idle(); }
  // Records that the Transport is gone.
  void retire() noexcept { retired_ = true; }
  bool is_retired() const noexcept { return retired_; }

 private:
  void on_sweep();
  std::size_t max_idle() const noexcept;
  bool has_idle_beyond(std::size_t max) const;

  Owner& owner_;
  SharedPools::Member& member_;
  const std::shared_ptr<SharedPools> shared_;
  std::unique_ptr<net::Dialer> dialer_;
  h1::Limits limits_;
  wire::ParserPool parsers_;
  IntrusiveList<PoolUser> users_;
  std::size_t reserved_idle_ = 0;
  std::uint64_t unreported_requests_ = 0;
  io::Timer sweep_;
  bool retired_ = false;
};

}  // namespace onehop::transport
