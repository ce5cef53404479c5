// SPDX-License-Identifier: Apache-2.0
//
// Origin is one worker's view of an upstream: its HTTP/1 and HTTP/2 connections, the requests
// waiting for a connection, and the dials in progress. ALPN decides which version it keeps. A
// request over HTTP/1 that finds no idle connection gets the first one available, whether it was
// dialled for this request or returned by another. A request over HTTP/2 is woken when a connection
// has room, and then looks again. Thread: owner.
#pragma once

#include <onehop/scope.hpp>
#include <onehop/url.hpp>

#include "io/endings.hpp"
#include "net/dialer.hpp"
#include "transport/h2_connections.hpp"
#include "transport/idle_list.hpp"
#include "transport/waiting_line.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::transport {

class Origin final : public H1Connection::Owner,
                     public H2Connection::Owner,
                     private Redial::Owner,
                     private net::DialReports {
 public:
  // The pool that keeps it.
  class Keeper {
   public:
    // Destroys `origin`, which is unused.
    virtual void forget(const Origin& origin) = 0;
    // Closes an idle connection to the upstream `key` that another origin keeps, if there is one.
    virtual void close_idle(const std::string& key) = 0;

   protected:
    ~Keeper() = default;
  };
  // Makes the origin for the upstream of `url`. If `destination.http2`, HTTP/2 is offered to the
  // upstream, or spoken by prior knowledge. If `client` is not none, all connections serve only the
  // requests of this client connection, and end with it.
  Origin(Keeper& keeper,
         PoolContext& pool,
         std::string key,
         const Url& url,
         net::Destination destination,
         ConnectionId client = {});
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;
  ~Origin();

  // Returns a connection that is available without waiting, or std::nullopt.
  std::optional<Lease> try_lease(const Need& need);
  // Waits for a connection for a request that began at `began`. Fails with the error of a dial,
  // which for a refusal is after Transport::Options::hold, or with Errc::no_connection_slot after
  // queue_timeout.
  task<Result<Lease>> lease(Need need, net::Time began);
  // Reports whether requests may use HTTP/2: it is enabled, and the upstream has not chosen or
  // required HTTP/1.1 in the last 5 minutes.
  bool speaks_http2() const noexcept {
    return destination_.http2 && pool_.reactor().now() >= http1_until_;
  }
  bool has_reserved(ConnectionId client) const { return idle_.has_reserved(client); }

  bool matches(const Url& url,
               std::string_view connect_address,
               ConnectionId client) const noexcept;
  // Origins of one upstream have the same key. If they belong to clients, client() differs.
  const std::string& key() const noexcept { return key_; }
  ConnectionId client() const noexcept { return client_; }
  PoolContext& pool() const noexcept override { return pool_; }
  OriginUse& use() noexcept override { return use_; }
  std::shared_ptr<AddressCounters> counters_for(const std::string& address) override;
  // Returns the number of idle HTTP/1 connections.
  std::size_t idle() const noexcept { return idle_.size(); }

  void give_back(std::unique_ptr<H1Connection> connection) noexcept override;
  void use_http1() override;

  // Called by the pool when a slot is free: dials for the waiting requests.
  void dial_for_waiters();
  void sweep(net::Time now) { idle_.sweep(now); }
  // Closes an idle connection of each version, for a request that needs its slot. Returns false if
  // there is none.
  bool close_idle();
  // close_oldest_http1() closes the oldest idle HTTP/1 connection. close_one_http2() closes an idle
  // HTTP/2 connection, or returns false if there is none.
  void close_oldest_http1() { idle_.close_oldest(true); }
  bool close_one_http2() { return http2_.close_one_idle(); }
  // Closes all idle connections, because the Transport or the client is gone.
  void close_all_idle();
  // Closes idle connections, because the origin was abandoned. HTTP/2 connections in use take no
  // more requests.
  void close_abandoned();
  // Returns an idle connection for another worker, or null.
  std::unique_ptr<IdleTransfer> offer(Reuse reuse);
  // Receives another worker's response to a request for an idle connection; null if it had none.
  void complete(std::unique_ptr<IdleTransfer> transfer);

 private:
  class CountedWait;
  class Asked;
  using Waiter = WaitingLine::Waiter;

  bool goes_over_http2(const Need& need) const noexcept {
    return !need.http1_only && speaks_http2();
  }
  // --- leases
  std::unique_ptr<H1Connection> try_http1(const Need& need);
  H2Connection* try_http2(const Need& need);
  task<Result<Lease>> wait_for_http1(Waiter& waiter);
  bool request_from_other_workers(Reuse reuse);
  // Reports whether fewer HTTP/1 dials are in progress than requests wait for a connection.
  bool lacks_dials() const noexcept { return dialling_http1_ < line_.waiting(Protocol::http1); }
  // --- dials
  void dial_http1_for_waiters();
  bool dial_http2();
  bool begin_dial(Protocol over);
  bool needs_dial(const WaitingRequest& request) const noexcept override;
  bool redial() override;
  task<void> dial(std::unique_ptr<Slot> slot, Protocol over);
  Result<std::unique_ptr<H1Connection>> take_dialled(Slot& slot,
                                                     Result<net::Dialled> dialled,
                                                     Protocol over,
                                                     net::Time began);
  void keep_dialled(std::unique_ptr<H1Connection> connection, Protocol over) noexcept;
  void on_dial_failed(Protocol over, Error error);
  void on_attempt_failed(std::string_view address, const Error& error) noexcept override;
  void count_dial(const Result<net::Dialled>& dialled) const;
  void fail_requests_over(Protocol over, const Error& error);
  // --- connections of HTTP/1
  void drop(const H1Connection& connection) override { idle_.drop(connection); }
  void deliver(std::unique_ptr<H1Connection> connection);
  static void hand_over(Waiter& waiter, std::unique_ptr<H1Connection> connection);
  bool keeps_none() const noexcept;
  // Reports whether an idle connection is not worth its slot.
  bool gives_way() const noexcept;
  // Connections that are about to end do not count.
  bool is_at_limit() const noexcept;
  bool is_above_limit() const noexcept;
  // --- connections of HTTP/2
  void look_again_soon() noexcept override { pool_.reactor().schedule(look_again_); }
  void look_again();
  void back_off() noexcept override;
  void remove(H2Connection& connection) override;

  void forget_if_useless();
  // Closes an idle connection of this origin, or of another origin of the same upstream.
  void close_any_idle();
  bool is_client_gone() const noexcept { return client_end_ && client_end_->has_ended(); }
  // Reports whether the Transport or the client is gone, so that no more requests come.
  bool takes_nothing() const noexcept { return pool_.is_retired() || is_client_gone(); }

  Keeper& keeper_;
  PoolContext& pool_;
  const std::string key_;
  const ConnectionId client_;
  const std::string scheme_;
  const std::string authority_;
  const net::Destination destination_;
  const net::Destination http1_destination_;
  std::shared_ptr<OriginCounters> shared_;
  const std::shared_ptr<UpstreamCounts> counts_;
  std::vector<std::shared_ptr<AddressCounters>> addresses_;
  OriginUse use_;
  IdleList idle_;
  H2Connections http2_;
  std::optional<io::Endings::Watch> client_end_;
  io::Wakeup look_again_;
  io::Timer dial_again_;
  WaitingLine line_;
  std::size_t dialling_http1_ = 0;
  bool is_dialling_http2_ = false;
  bool owes_slot_ = false;      // a request asked for one while no connection was idle
  std::size_t requested_ = 0;   // responses of other workers that requests wait for
  IntrusiveList<Asked> asked_;  // the requests that wait for them
  net::Time no_dial_before_{};  // over HTTP/2
  net::Time http1_until_{};
  Redial redial_;
  Scope dials_;
};

}  // namespace onehop::transport
