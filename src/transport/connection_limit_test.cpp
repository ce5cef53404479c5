// SPDX-License-Identifier: Apache-2.0
//
// max_connections: which request gets a slot of an origin, on one worker and among workers.
#include "support/failing_allocation.hpp"
#include "support/pool_test.hpp"

#include <memory>
#include <string_view>
#include <thread>
#include <utility>

namespace onehop::transport {
namespace {

// --- max_connections ---------------------------------------------------------------------------

class LimitedPoolTest : public ConnectionPoolTest {
 protected:
  LimitedPoolTest() {
    Transport::Options options;
    options.max_connections = 2;
    options.queue_timeout = 5s;
    start(options);
  }
};

TEST_F(LimitedPoolTest, LimitsTheWaitForASlot) {
  const Held one = take(origin());
  const Held two = take(origin());
  Taking third = begin(origin());
  advance(4900ms);
  EXPECT_FALSE(third.done());
  EXPECT_EQ(upstream_.dials, 2);
  advance(200ms);
  const auto error = error_of(third);
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->is(Errc::no_connection_slot));
  EXPECT_EQ(error->phase(), Phase::queue);
  EXPECT_TRUE(error->retry_safe());
}

// Regression: the process ended.
TEST_F(LimitedPoolTest, FreesASlotWithoutMemoryToNotifyWaiters) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  Held one = take(origin());
  const Held two = take(origin());
  Taking third = begin(origin());
  {
    const FailingAllocation failing(0);
    one.reset();
    EXPECT_TRUE(failing.is_over());
  }
  advance(5100ms);
  const auto error = error_of(third);
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->is(Errc::no_connection_slot));
  third = begin(origin());
  settle();
  EXPECT_TRUE(lease_of(third)) << "it is free nevertheless";
}

// Regression: a returned connection was closed while any other was being made, even far below the
// limit.
TEST_F(ConnectionPoolTest, KeepsReturnedConnectionsBelowTheLimit) {
  Transport::Options options;
  options.max_connections = 3;
  start(options);
  Held used = take(origin());
  upstream_.answers = false;
  const Taking elsewhere = begin(origin(), Reuse::none);
  settle();
  EXPECT_EQ(upstream_.under_way, 1);
  give_back(std::move(used));
  EXPECT_EQ(idle(), 1u);
}

TEST_F(LimitedPoolTest, AHigherLimitAppliesToWaitingRequests) {
  const Held one = take(origin());
  const Held two = take(origin());
  Taking third = begin(origin());
  Taking fourth = begin(origin());
  settle();
  shared_->set_limits(3, 0.2);
  settle();
  EXPECT_TRUE(lease_of(third));
  EXPECT_FALSE(fourth.done());
  shared_->set_limits(Limit<std::size_t>(no_limit), 0.2);
  settle();
  EXPECT_TRUE(lease_of(fourth));
}

TEST_F(LimitedPoolTest, ALowerLimitClosesReturnedConnections) {
  Held one = take(origin());
  Held two = take(origin());
  shared_->set_limits(1, 0.2);
  give_back(std::move(one));
  EXPECT_EQ(idle(), 0u);
  give_back(std::move(two));
  EXPECT_EQ(idle(), 1u) << "one is allowed";
  const Held again = take(origin());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->is_reused());
  Taking more = begin(origin());
  settle();
  EXPECT_FALSE(more.done());
}

TEST_F(LimitedPoolTest, ALowerLimitClosesAnHttp2ConnectionThatBecomesIdle) {
  auto first = begin_http2(origin("h2c://a"), 1);
  auto second = begin_http2(origin("h2c://a"), 1);
  EXPECT_EQ(open(), 2u);
  shared_->set_limits(1, 0.2);
  settle();
  EXPECT_EQ(open(), 2u) << "both are in use";
  first.reset();
  second.reset();
  settle();
  EXPECT_EQ(open(), 1u) << "one is allowed";
}

TEST_F(LimitedPoolTest, CountsEachOriginSeparately) {
  const Held one = take(origin("http://a"));
  const Held two = take(origin("http://a"));
  EXPECT_TRUE(take(origin("http://b")));
}

TEST_F(LimitedPoolTest, DialsWhenASlotIsFreed) {
  Held one = take(origin());
  const Held two = take(origin());
  Taking third = begin(origin());
  settle();
  one.reset();  // broken, so not given back
  settle();
  const Held given = lease_of(third);
  ASSERT_TRUE(given);
  EXPECT_FALSE(given->is_reused());
  EXPECT_EQ(upstream_.dials, 3);
}

// Regression: all returned connections passed the request by, until queue_timeout.
TEST_F(LimitedPoolTest, ARequestForANewConnectionGetsTheSlotOfAReturnedOne) {
  Held one = take(origin());
  Held two = take(origin());
  Taking retry = begin(origin(), Reuse::none);
  Taking other = begin(origin());
  settle();
  give_back(std::move(one));
  settle();
  const Held given = lease_of(retry);
  ASSERT_TRUE(given);
  EXPECT_FALSE(given->is_reused());
  EXPECT_FALSE(other.done());
  give_back(std::move(two));
  settle();
  EXPECT_TRUE(lease_of(other));
}

// The next request would read the unsolicited bytes as its response.
TEST_F(LimitedPoolTest, DoesNotReuseAConnectionWithUnsolicitedData) {
  Held one = take(origin());
  const Held two = take(origin());
  Taking third = begin(origin());
  upstream_.accepted.front().send("HTTP/1.1 200 OK\r\n");
  settle();
  give_back(std::move(one));
  settle();
  const Held given = lease_of(third);
  ASSERT_TRUE(given);
  EXPECT_FALSE(given->is_reused());
  EXPECT_EQ(upstream_.dials, 3);
}

TEST_F(LimitedPoolTest, GivesTheSlotOfAFailedDialToTheNext) {
  const Held one = take(origin());
  upstream_.answers = false;
  Taking second = begin(origin());
  Taking third = begin(origin());
  settle();
  EXPECT_EQ(upstream_.dials, 2);
  upstream_.refuses = true;
  upstream_.answers = true;
  // The first request gets the refusal; the other gets the next connection in the slot.
  advance(10ms);
  upstream_.refuses = false;
  settle();
  EXPECT_TRUE(error_of(second));
  advance(20ms);
  ASSERT_TRUE(third.done());
}

// Regression: the request waited for queue_timeout although there were idle connections.
TEST_F(LimitedPoolTest, UnsuitableIdleConnectionsGiveWay) {
  {
    Held one = take(origin());
    Held two = take(origin());
    give_back(std::move(one));
    give_back(std::move(two));
  }
  advance(2s);
  EXPECT_EQ(idle(), 2u);
  const Held recent = take(origin(), Reuse::recent_only);
  ASSERT_TRUE(recent);
  EXPECT_FALSE(recent->is_reused());
  EXPECT_EQ(idle(), 1u);
}

// Regression: the connection was closed, and the other request got a new one.
TEST_F(LimitedPoolTest, AConnectionForACancelledRequestGoesToTheNext) {
  Held one = take(origin());
  H1Connection* const given_back = one.get();
  const Held two = take(origin());
  auto left = std::make_unique<Taking>(begin(origin()));
  Taking next = begin(origin());
  settle();
  give_back(std::move(one));
  ASSERT_FALSE(left->done());  // it would resume in the next pass
  left.reset();
  settle();
  EXPECT_EQ(lease_of(next).get(), given_back);
  EXPECT_EQ(upstream_.dials, 2);
}

TEST_F(LimitedPoolTest, HoldsNoSlotForACancelledRequest) {
  const Held one = take(origin());
  {
    const Held two = take(origin());
    Taking given_up = begin(origin());
    settle();
  }
  settle();
  EXPECT_TRUE(take(origin()));
}

// --- slots of other workers --------------------------------------------------------------------

// A second pool, on its own event loop.
class TwoPoolsTest : public LimitedPoolTest {
 protected:
  TwoPoolsTest() {
    Transport::Options options;
    options.max_connections = 1;
    start(options);
    other_reactor_.set_time(reactor_.now());
    const io::Reactor::Enter enter(other_reactor_);
    other_ = make_pool(other_reactor_);
  }
  ~TwoPoolsTest() override {
    const io::Reactor::Enter enter(other_reactor_);
    other_.reset();
  }
  Taking begin_elsewhere(std::string_view url = "http://a") {
    const io::Reactor::Enter enter(other_reactor_);
    return begin(other_->origin(Url::parse(url).value()));
  }
  void settle_both() {
    for (int i = 0; i < 3; ++i) {
      settle();
      const io::Reactor::Enter enter(other_reactor_);
      while (other_reactor_.run_once(io::Duration::zero())) {
      }
    }
  }

  io::Reactor other_reactor_{io::Reactor::Clock::manual};
  std::unique_ptr<ConnectionPool> other_;
};

TEST_F(TwoPoolsTest, AnIdleConnectionGivesWayToARequestElsewhere) {
  give_back(take(origin()));
  EXPECT_EQ(idle(), 1u);
  Taking waiting = begin_elsewhere();
  EXPECT_FALSE(waiting.done());
  settle_both();
  EXPECT_TRUE(lease_of(waiting));
  EXPECT_EQ(idle(), 0u);
  EXPECT_EQ(upstream_.accepted.front().ending(), "end");
}

// Regression: each thread counted its connections separately against the common limit.
TEST_F(TwoPoolsTest, AnOriginThatOneThreadForgetsIsStillShared) {
  const Held here = take(origin());
  {
    Taking waiting = begin_elsewhere();
    settle_both();
  }
  const auto later = reactor_.now() + 2s;
  other_reactor_.set_time(later);
  settle_both();
  EXPECT_EQ(other_->origins(), 0u);
  Taking waiting = begin_elsewhere();
  settle_both();
  EXPECT_FALSE(waiting.done());
}

TEST_F(TwoPoolsTest, AConnectionGivenBackOrClosedGivesWayToARequestElsewhere) {
  for (const bool closes : {false, true}) {
    Held here = take(origin());
    Taking waiting = begin_elsewhere();
    settle_both();
    EXPECT_FALSE(waiting.done());
    closes ? here.reset() : give_back(std::move(here));
    settle_both();
    EXPECT_TRUE(lease_of(waiting)) << closes;
  }
}

// Regression: the connection stayed open until pool_idle_timeout, the request waited until
// queue_timeout.
TEST_F(TwoPoolsTest, AnHttp2ConnectionGivesWayToARequestElsewhereOnceItIsIdle) {
  auto used = begin_http2(origin("h2c://a"));
  Taking waiting = begin_elsewhere("h2c://a");
  settle_both();
  EXPECT_FALSE(waiting.done());
  EXPECT_EQ(open(), 1u);
  used.reset();
  settle_both();
  ASSERT_TRUE(waiting.done());
  EXPECT_TRUE(waiting.take());
  EXPECT_EQ(upstream_.dials, 2);
  upstream_.accepted.front().receive();
  EXPECT_EQ(upstream_.accepted.front().ending(), "end");
}

// Like AConnectionGivenBackOrClosedGivesWayToARequestElsewhere, with a worker that sleeps in its
// event loop.
TEST_F(ConnectionPoolTest, WakesAThreadThatWaitsForASlot) {
  Transport::Options options;
  options.max_connections = 1;
  options.queue_timeout = 5min;
  start(options);
  Held here = take(origin());
  std::thread elsewhere([this] {
    io::Reactor reactor;
    const io::Reactor::Enter enter(reactor);
    Upstream upstream;
    ConnectionPool pool(reactor, shared_, std::make_unique<ScriptedDialer>(reactor, upstream));
    Taking waiting = begin(pool.origin(Url::parse("http://a").value()));
    while (!waiting.done())
      reactor.run_once(io::Duration::max());
    EXPECT_TRUE(lease_of(waiting));
  });
  const auto& shared_origin = shared_->origin("http|a|80");
  while (shared_origin->waiting == 0)
    std::this_thread::yield();
  here.reset();
  elsewhere.join();
}

}  // namespace
}  // namespace onehop::transport
