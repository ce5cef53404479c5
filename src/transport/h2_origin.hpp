// SPDX-License-Identifier: Apache-2.0
//
// H2Origin: a transport's HTTP/2 connections to one origin on one thread. Requests share few of
// them: another is made when one is three quarters full. Where ALPN has chosen HTTP/1.1 instead,
// the connection goes to the origin's OriginPool, and so do the requests. One thread.
#pragma once

#include <onehop/scope.hpp>

#include "transport/h2_connection.hpp"
#include "transport/origin_pool.hpp"
#include "transport/redial.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace onehop::transport {

class H2Origin final : public H2Connection::Owner {
 public:
  // The pool, which keeps it.
  class Keeper : public OriginPool::Keeper {
   public:
    using OriginPool::Keeper::forget;
    virtual void forget(const H2Origin& origin) = 0;
    virtual OriginPool& origin(const std::string& key, const net::Destination& destination) = 0;

   protected:
    ~Keeper() = default;
  };
  H2Origin(Keeper& keeper, PoolContext& pool, std::string key, net::Destination destination);
  H2Origin(const H2Origin&) = delete;
  H2Origin& operator=(const H2Origin&) = delete;
  ~H2Origin();

  // What a request needs to know before it is sent.
  enum class Need : std::uint8_t { room, settings };
  // A connection with room for one request more, which has to be opened at once; null when one has
  // to wait.
  H2Connection* try_take(Need need = Need::room);
  // False when the upstream has chosen HTTP/1.1 or asked for it, not long ago.
  bool speaks_http2() const noexcept { return pool_.reactor().now() >= http1_until_; }
  // Waits for one, for a request that began then; null when the upstream turns out to speak
  // HTTP/1.1. Errors: those of dialling, refusals after hold; Errc::no_connection_slot after
  // queue_timeout.
  task<Result<H2Connection*>> take(Need need, net::Time began);

  bool matches(const Url& url) const noexcept;
  const std::string& key() const noexcept { return key_; }
  OriginUse& use() noexcept override { return use_; }
  PoolContext& pool() const noexcept override { return pool_; }

  // From connections: something has changed; this one is over.
  void look_again_soon() noexcept override { pool_.reactor().schedule(look_again_); }
  void remove(H2Connection& connection) override;
  // A connection ends that has carried no request.
  void back_off() noexcept override;
  // A connection says that requests have to come over HTTP/1.1; nothing without TLS, where there
  // is no way to that.
  void use_http1() override;
  // Gives up an idle connection, for a request of another thread or to another origin. False when
  // there is none.
  bool close_one_idle();
  // The Transport has gone.
  void close_all_idle();
  // A slot came free.
  void dial_for_waiters();

 private:
  struct Waiter;

  H2Connection* best(Need need) const noexcept;
  std::size_t room() const noexcept;
  void forget_if_useless();
  void look_again();
  void wake_everybody();
  bool allows_none() const noexcept;
  bool begin_dial();
  bool dial_now();
  task<void> dial(std::unique_ptr<Slot> slot);
  Result<void> add(Slot& slot, Result<net::Dialled> dialled);

  Keeper& keeper_;
  PoolContext& pool_;
  std::string key_;
  net::Destination destination_;
  std::shared_ptr<OriginCounters> shared_;
  OriginUse use_;
  std::vector<std::unique_ptr<H2Connection>> connections_;
  IntrusiveList<WaitingRequest> waiters_;  // each of them a Waiter
  io::Wakeup look_again_;
  io::Timer dial_again_;
  net::Time no_dial_before_{};
  net::Time http1_until_{};
  bool dialling_ = false;
  Redial redial_;
  Scope dials_;
};

}  // namespace onehop::transport
