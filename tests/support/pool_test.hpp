// SPDX-License-Identifier: Apache-2.0
//
// ConnectionPoolTest has a pool with a scripted in-memory dialer.
#pragma once

#include "support/h2_frames.hpp"
#include "support/stream_pair.hpp"
#include "transport/connection_pool.hpp"
#include "transport/h2_exchange.hpp"

#include <cerrno>
#include <cstdint>
#include <deque>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace onehop::transport {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): of tests
using test::FarEnd;

using Held = std::unique_ptr<H1Connection>;
using Taking = task<Result<Lease>>;

inline const std::error_code kRefused(ECONNREFUSED, std::system_category());

// Scripts and counts the dials of one or more origins.
struct Upstream {
  std::deque<FarEnd> accepted;
  int dials = 0;
  int under_way = 0;
  bool answers = true;        // if false, dials wait until it is true
  bool answers_http1 = true;  // the same for dials over HTTP/1
  bool refuses = false;
  std::string last_host;  // of the last dial
  Error refusal = Error::system(ECONNREFUSED, Side::upstream).during(Phase::connect);
  // The errors of dials over one HTTP version, independent of the other version.
  std::optional<Error> http1_error;
  std::optional<Error> http2_error;
  bool is_short_of_memory = false;  // dials throw std::bad_alloc
};

class ScriptedDialer final : public net::Dialer {
 public:
  ScriptedDialer(io::Reactor& reactor, Upstream& upstream)
      : reactor_(reactor), upstream_(upstream) {}

  task<Result<net::Dialled>> dial(const net::Destination& destination) override {
    ++upstream_.dials;
    ++upstream_.under_way;
    upstream_.last_host = destination.connect_host();
    while (!upstream_.answers || (!destination.http2 && !upstream_.answers_http1))
      co_await sleep_for(10ms);
    --upstream_.under_way;
    if (upstream_.is_short_of_memory) throw std::bad_alloc();
    if (upstream_.refuses) co_return failure(upstream_.refusal);
    const auto& error = destination.http2 ? upstream_.http2_error : upstream_.http1_error;
    if (error) co_return failure(*error);
    auto [near, far] = net::make_memory_pair(reactor_);
    upstream_.accepted.emplace_back(std::move(far));
    co_return net::Dialled(std::move(near), destination.host);
  }

 private:
  io::Reactor& reactor_;
  Upstream& upstream_;
};

// A request that waits for a connection of either HTTP version.
class Asking {
 public:
  explicit Asking(Taking taking) : taking_(std::move(taking)) {}

  bool done() const { return taking_.done(); }
  // Reports whether the request has a connection.
  bool is_served() { return done() && !error(); }
  // Returns why the request has no connection.
  std::optional<Error> error() {
    EXPECT_TRUE(done());
    if (!done() || std::exchange(has_outcome_, true)) return error_;
    const auto outcome = taking_.take();
    if (!outcome) error_ = outcome.error();
    return error_;
  }
  bool fails_with(std::error_code code) { return done() && error() && error()->code() == code; }

 private:
  Taking taking_;
  bool has_outcome_ = false;
  std::optional<Error> error_;
};

class ConnectionPoolTest : public test::StreamPair {
 protected:
  void start(const Transport::Options& options = {}) {
    shared_ = std::make_shared<SharedPools>(options);
    pool_ = make_pool(reactor_);
  }
  std::unique_ptr<ConnectionPool> make_pool(io::Reactor& reactor) {
    return std::make_unique<ConnectionPool>(reactor, shared_,
                                            std::make_unique<ScriptedDialer>(reactor, upstream_));
  }
  Origin& origin(std::string_view url = "http://a") {
    return pool_->origin(Url::parse(url).value());
  }
  static Need needing(Reuse reuse) {
    Need need;
    need.reuse = reuse;
    return need;
  }

  // Returns an idle HTTP/1 connection, or null.
  static Held try_take(Origin& origin, Reuse reuse) {
    auto lease = origin.try_lease(needing(reuse));
    return lease ? lease->take_h1() : nullptr;
  }
  // Begins to wait for a connection.
  static Taking begin(Origin& origin, Reuse reuse = Reuse::any) {
    Taking taking = origin.lease(needing(reuse), origin.pool().reactor().now());
    taking.start();
    return taking;
  }
  // Returns the connection that `taking` has waited for.
  static Held lease_of(Taking& taking) {
    EXPECT_TRUE(taking.done());
    if (!taking.done()) return nullptr;
    auto taken = taking.take();
    EXPECT_TRUE(taken);
    return taken ? taken->take_h1() : nullptr;
  }
  static std::optional<Error> error_of(Taking& taking) {
    EXPECT_TRUE(taking.done());
    if (!taking.done()) return std::nullopt;
    const auto taken = taking.take();
    if (taken) return std::nullopt;
    return taken.error();
  }
  Held take(Origin& from, Reuse reuse = Reuse::any) {
    if (Held idle = try_take(from, reuse)) return idle;
    Taking taking = begin(from, reuse);
    settle();
    return lease_of(taking);
  }
  // Returns a connection to the pool after a request that left it reusable.
  static void give_back(Held connection) {
    connection->count_exchange();
    H1Connection::Owner& owner = connection->owner();
    owner.give_back(std::move(connection));
  }
  // Begins a request to h2c://a, whose origin is `to`, over a new connection if those before it are
  // full. The upstream allows `max_streams` streams.
  std::unique_ptr<H2Exchange> begin_http2(Origin& to, std::uint32_t max_streams = 100) {
    auto lease = to.try_lease(Need());
    if (!lease) {
      Taking taking = begin(to);
      settle();
      EXPECT_TRUE(taking.done());
      if (!taking.done()) return nullptr;
      auto taken = taking.take();
      EXPECT_TRUE(taken);
      if (!taken) return nullptr;
      lease.emplace(std::move(*taken));
    }
    Request request(Method::get, Url::parse("h2c://a/").value(), Headers({{"Host", "a"}}));
    auto exchange = std::make_unique<H2Exchange>(lease->h2(), request);
    exchange->begin(request, nullptr);
    upstream_.accepted.back().send(h2_frames::frame(
        h2_frames::settings, 0, 0, h2_frames::number(3, 2) + h2_frames::number(max_streams, 4)));
    settle();
    return exchange;
  }
  std::size_t idle() const { return shared_->statistics().idle; }
  std::size_t open() const { return shared_->statistics().open; }

  Upstream upstream_;
  std::shared_ptr<SharedPools> shared_;
  std::unique_ptr<ConnectionPool> pool_;
};

}  // namespace onehop::transport
