// SPDX-License-Identifier: Apache-2.0
//
// A Transport that has ended leaves nothing on the event loops once its last exchange is over.
#include "support/failing_allocation.hpp"
#include "support/pool_test.hpp"

#include <memory>
#include <utility>

namespace onehop::transport {
namespace {

// The pool, owned by an event loop.
class TransportEnd : public ConnectionPoolTest {
 protected:
  TransportEnd() : shared_of_transport_(std::make_shared<SharedPools>(Transport::Options())) {
    shared_ = shared_of_transport_;
    reactor_.local<ConnectionPool>(shared_.get(), [&] { return make_pool(reactor_); });
    gone_ = shared_;
    shared_.reset();
  }
  ConnectionPool& pool() {
    return reactor_.local<ConnectionPool>(shared_of_transport_.get(),
                                          [] { return std::unique_ptr<ConnectionPool>(); });
  }
  Origin& origin() { return pool().origin(Url::parse("http://a").value()); }
  void end() {
    shared_of_transport_->retire();
    shared_of_transport_.reset();
    settle();
  }

  std::shared_ptr<SharedPools> shared_of_transport_;
  std::weak_ptr<SharedPools> gone_;  // expires with the last pool
};

TEST_F(TransportEnd, AnUnusedPoolIsDestroyedAtOnce) {
  end();
  EXPECT_TRUE(gone_.expired());
}

TEST_F(TransportEnd, IdleConnectionsAreClosedAndThePoolIsDestroyed) {
  give_back(take(origin()));
  end();
  EXPECT_EQ(upstream_.accepted.front().ending(), "end");
  EXPECT_FALSE(gone_.expired());
  advance(2s);
  EXPECT_TRUE(gone_.expired());
}

// The end is begun by a destructor.
TEST_F(TransportEnd, BeginsWithoutAllocating) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "operator new is a sanitizer's";
  {
    const FailingAllocation failing(0);
    shared_of_transport_->retire();
    EXPECT_TRUE(failing.is_over());
  }
  shared_of_transport_.reset();
  settle();
  EXPECT_TRUE(gone_.expired());
}

TEST_F(TransportEnd, WaitsForConnectionsInUse) {
  Held used = take(origin());
  end();
  advance(1min);
  EXPECT_FALSE(gone_.expired());
  EXPECT_EQ(upstream_.accepted.front().ending(), "");
  give_back(std::move(used));
  EXPECT_EQ(upstream_.accepted.front().ending(), "end");
  advance(2s);
  EXPECT_TRUE(gone_.expired());
}

// Regression: the connection stayed open for pool_idle_timeout.
TEST_F(TransportEnd, AnHttp2ConnectionInUseEndsWithItsExchange) {
  auto used = begin_http2(pool().origin(Url::parse("h2c://a").value()));
  end();
  upstream_.accepted.front().receive();
  EXPECT_EQ(upstream_.accepted.front().ending(), "");
  used.reset();
  settle();
  upstream_.accepted.front().receive();
  EXPECT_EQ(upstream_.accepted.front().ending(), "end");
  advance(2s);
  EXPECT_TRUE(gone_.expired());
}

TEST_F(TransportEnd, ForgetsThatAnUpstreamSpeaksHttp1) {
  Origin& h2 = pool().origin(Url::parse("https://a").value());
  h2.use_http1();
  EXPECT_FALSE(h2.speaks_http2());
  advance(5s);
  end();
  advance(2s);
  EXPECT_TRUE(gone_.expired());
}

// Regression: the function was called on a destroyed pool.
TEST_F(TransportEnd, AFunctionPostedToADestroyedPoolIsDropped) {
  bool called = false;
  shared_of_transport_->post(pool(), [&called](SharedPools::Member&) { called = true; });
  reactor_.forget_local<ConnectionPool>(shared_of_transport_.get());
  settle();
  EXPECT_EQ(shared_of_transport_->workers(), 0u);
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace onehop::transport
