// SPDX-License-Identifier: Apache-2.0
//
// OriginPool: a transport's HTTP/1 connections to one origin on one thread. A request that finds
// none idle waits for whichever comes first, a connection being made for it or one that another
// exchange gives back; what is left over goes idle. Last in, first out. One thread.
#pragma once

#include <onehop/error.hpp>
#include <onehop/scope.hpp>
#include <onehop/url.hpp>

#include "base/intrusive_list.hpp"
#include "net/dialer.hpp"
#include "transport/h1_connection.hpp"
#include "transport/origin_use.hpp"
#include "transport/redial.hpp"
#include "transport/reserved_connections.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace onehop::transport {

class OriginPool final : public H1Connection::Owner {
 public:
  // The pool, which keeps it.
  class Keeper {
   public:
    virtual void forget(const OriginPool& origin) = 0;
    // Gives up an idle connection of either version to this key.
    virtual void close_idle(const std::string& key) = 0;

   protected:
    ~Keeper() = default;
  };
  OriginPool(Keeper& keeper, PoolContext& pool, std::string key, net::Destination destination);
  OriginPool(OriginPool&&) = delete;
  ~OriginPool();

  // An idle connection, or null.
  std::unique_ptr<H1Connection> try_take(Reuse reuse);
  // One that is reserved for this client, or null.
  std::unique_ptr<H1Connection> try_take_reserved(ConnectionId client, bool has_credentials);
  bool has_reserved(ConnectionId client) const { return reserved_.has(client); }
  // Waits for one, for a request that began then. Errors: those of dialling, refusals after hold;
  // Errc::no_connection_slot after queue_timeout.
  task<Result<std::unique_ptr<H1Connection>>> take(Reuse reuse, net::Time began);
  // After an exchange that left it reusable. Where there is no memory to keep it, it is closed.
  void give_back(std::unique_ptr<H1Connection> connection) noexcept override;
  // A new connection that was made for HTTP/2, which the upstream does not speak.
  void adopt(Slot slot, std::unique_ptr<net::Stream> stream, std::string address);
  // The idle `connection` was closed by the upstream, or spoke out of turn.
  void drop(const H1Connection& connection) override;
  // Closes what has been idle for too long.
  void sweep(net::Time now);
  // Gives up the oldest idle one; of those in the middle of a handshake only if told to.
  void close_oldest(bool handshakes_too = false);
  void close_all_idle();
  // Begins to connect for requests that wait without anything under way for them.
  void dial_for_waiters();
  // What another thread had to give; null for nothing.
  void complete(std::unique_ptr<IdleTransfer> transfer);

  bool matches(const Url& url) const noexcept;
  const std::string& key() const noexcept { return key_; }
  OriginUse& use() noexcept override { return use_; }
  std::size_t idle() const noexcept { return idle_.size() + reserved_.size(); }
  PoolContext& pool() const noexcept override { return pool_; }

 private:
  struct Waiter;

  bool request_from_other_threads(Reuse reuse);
  bool begin_dial();
  task<void> dial(std::unique_ptr<Slot> slot);
  Result<std::unique_ptr<H1Connection>> connection_of(Slot& slot, Result<net::Dialled> dialled);
  Waiter& front() noexcept;
  Waiter* first_for(const H1Connection& connection) noexcept;
  void deliver(std::unique_ptr<H1Connection> connection);
  void make_idle(std::unique_ptr<H1Connection> connection);
  void keep(std::unique_ptr<H1Connection> connection);
  bool keeps_none() const noexcept;
  bool is_wanted_elsewhere() const noexcept;
  void keep_reserved(std::unique_ptr<H1Connection> connection);
  void count_reserved_gone(std::size_t count) noexcept;
  bool will_do(const H1Connection& connection, Reuse reuse) const noexcept;

  Keeper& keeper_;
  PoolContext& pool_;
  std::string key_;
  net::Destination destination_;
  std::shared_ptr<OriginCounters> shared_;
  OriginUse use_;
  std::vector<std::unique_ptr<H1Connection>> idle_;  // the oldest first
  ReservedConnections reserved_;                     // idle as well
  IntrusiveList<WaitingRequest> waiters_;            // each of them a Waiter
  std::size_t waiting_ = 0;
  std::size_t dialling_ = 0;
  std::size_t requested_ = 0;  // other threads that owe an answer
  Redial redial_;
  Scope dials_;
};

}  // namespace onehop::transport
