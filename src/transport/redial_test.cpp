// SPDX-License-Identifier: Apache-2.0
//
// Requests that wait for an upstream which refuses, or for a descriptor.
#include "transport/redial.hpp"

#include "support/pool_test.hpp"
#include "transport/h2_origin.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace onehop::transport {
namespace {

constexpr std::size_t kMany = 200;

class RedialTest : public ConnectionPoolTest {
 protected:
  void start_holding(Transport::Duration hold) {
    Transport::Options options;
    options.hold = hold;
    start(options);
    upstream_.refuses = true;
  }
  std::vector<Taking> begin_many() {
    std::vector<Taking> all;
    for (std::size_t i = 0; i < kMany; ++i)
      all.push_back(begin(origin()));
    return all;
  }
};

// Each of them dialled for itself, ten times a second.
TEST_F(RedialTest, OneDialTriesForAllThatWait) {
  start_holding(10s);
  std::vector<Taking> all = begin_many();
  advance(2s);
  EXPECT_GE(upstream_.dials, 15);
  EXPECT_LE(upstream_.dials, 25);
  for (const Taking& each : all)
    EXPECT_FALSE(each.done());
  upstream_.refuses = false;
  advance(200ms);
  for (Taking& each : all)
    EXPECT_TRUE(lease_of(each));
}

TEST_F(RedialTest, OfHttp2AsWell) {
  start_holding(10s);
  H2Origin& h2 = pool_->h2_origin(Url::parse("h2c://a").value());
  std::vector<task<Result<H2Connection*>>> all;
  for (std::size_t i = 0; i < 50; ++i) {
    all.push_back(h2.take(H2Origin::Need::room, reactor_.now()));
    all.back().start();
  }
  advance(2s);
  EXPECT_GE(upstream_.dials, 15);
  EXPECT_LE(upstream_.dials, 25);
  upstream_.refuses = false;
  advance(200ms);
  for (auto& each : all) {
    ASSERT_TRUE(each.done());
    EXPECT_TRUE(each.take());
  }
}

TEST_F(RedialTest, EachHoldsForItsOwnTime) {
  start_holding(1s);
  Taking first = begin(origin());
  advance(500ms);
  Taking second = begin(origin());
  advance(650ms);
  const auto error = error_of(first);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code().value(), ECONNREFUSED);
  EXPECT_FALSE(second.done());
  advance(500ms);
  EXPECT_TRUE(error_of(second));
}

TEST_F(RedialTest, NobodyDialsWhenAllHaveLeft) {
  start_holding(10s);
  {
    const std::vector<Taking> all = begin_many();
    advance(500ms);
  }
  const int before = upstream_.dials;
  advance(5s);
  EXPECT_EQ(upstream_.dials, before);
  upstream_.refuses = false;
  EXPECT_TRUE(take(origin()));
}

// Where the connections are limited, too, they are what is waited for in the end.
TEST_F(RedialTest, WhoIsHeldWaitsForItsSlot) {
  Transport::Options options;
  options.hold = 20s;
  options.max_connections = 1;
  start(options);
  upstream_.refuses = true;
  Taking first = begin(origin());
  Taking second = begin(origin());
  advance(8s);  // longer than queue_timeout
  EXPECT_FALSE(first.done() || second.done());
  upstream_.refuses = false;
  advance(200ms);
  Lease lease = lease_of(first);
  EXPECT_FALSE(second.done());
  give_back(std::move(lease));
  settle();
  EXPECT_TRUE(lease_of(second));
}

// --- descriptors -------------------------------------------------------------------------------

class DescriptorsTest : public ConnectionPoolTest {
 protected:
  void run_out() {
    upstream_.refuses = true;
    upstream_.refusal = EMFILE;
  }
};

// It was a 502.
TEST_F(DescriptorsTest, WhoFindsNoneWaitsForAConnectionOfAnother) {
  start();
  Lease used = take(origin());
  run_out();
  Taking waiting = begin(origin());
  advance(1s);
  EXPECT_FALSE(waiting.done());
  Connection* const same = used.get();
  give_back(std::move(used));
  settle();
  EXPECT_EQ(lease_of(waiting).get(), same);
}

TEST_F(DescriptorsTest, OrUntilOneIsFree) {
  start();
  run_out();
  Taking waiting = begin(origin());
  advance(1s);
  EXPECT_FALSE(waiting.done());
  upstream_.refuses = false;
  advance(200ms);
  EXPECT_TRUE(lease_of(waiting));
}

TEST_F(DescriptorsTest, ForSoLong) {
  start();
  run_out();
  Taking waiting = begin(origin());
  advance(4900ms);
  EXPECT_FALSE(waiting.done());
  advance(300ms);
  const auto error = error_of(waiting);
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->is(Errc::no_connection_slot));
  EXPECT_TRUE(error->retry_safe());
}

TEST_F(DescriptorsTest, AnIdleConnectionToElsewhereGivesUpIts) {
  start();
  give_back(take(origin("http://b")));
  EXPECT_EQ(idle(), 1u);
  run_out();
  const Taking waiting = begin(origin("http://a"));
  settle();
  EXPECT_EQ(idle(), 0u);
}

}  // namespace
}  // namespace onehop::transport
