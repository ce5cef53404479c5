// SPDX-License-Identifier: Apache-2.0
//
// Requests over both versions of HTTP that wait for one upstream that refuses connections.
#include "support/failing_allocation.hpp"
#include "support/h2_frames.hpp"
#include "support/pool_test.hpp"
#include "transport/h2_exchange.hpp"
#include "transport/redial.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace onehop::transport {
namespace {

// An upstream with TLS has requests of both kinds in one line.
TEST_F(ConnectionPoolTest, RequestsOverBothVersionsShareOneQueue) {
  Transport::Options options;
  options.hold = 10s;
  start(options);
  upstream_.refuses = true;
  Need http1;
  http1.http1_only = true;
  std::vector<Taking> all;
  for (int i = 0; i < 6; ++i) {
    Origin& both = origin("h2c://a");
    all.push_back(both.lease(i % 2 == 0 ? http1 : Need(), reactor_.now()));
    all.back().start();
  }
  advance(2s);
  EXPECT_LE(upstream_.dials, 25) << "one dial tries for all";
  upstream_.refuses = false;
  advance(200ms);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(all[i].done()) << i;
    const auto lease = all[i].take();
    ASSERT_TRUE(lease) << i;
    EXPECT_EQ(lease->is_shared(), i % 2 == 1) << i;
  }
  EXPECT_EQ(open(), 4u) << "three alone, and one that is shared";
}

class OneVersionFails : public ConnectionPoolTest {
 protected:
  Asking ask(bool http1_only) {
    Need need;
    need.http1_only = http1_only;
    Taking taking = origin("h2c://a").lease(need, reactor_.now());
    taking.start();
    return Asking(std::move(taking));
  }
};

// Regression: the HTTP/1 request failed with the error of a dial for the other version.
TEST_F(OneVersionFails, ADialForTheOtherVersionMaySucceed) {
  start();
  upstream_.answers = false;
  upstream_.http2_error = Error(Errc::timed_out, Side::upstream).during(Phase::connect);
  Asking shared = ask(false);
  Asking alone = ask(true);
  EXPECT_EQ(upstream_.under_way, 2);
  upstream_.answers = true;
  advance(50ms);
  ASSERT_TRUE(shared.error());
  EXPECT_TRUE(shared.error()->is_timeout());
  EXPECT_TRUE(alone.is_served());
}

// Regression: a client that authenticated its connection caused the failure of requests that were
// held for an HTTP/2-only upstream, just when the upstream came back.
TEST_F(OneVersionFails, HeldRequestsOverTheOtherVersionAreServed) {
  Transport::Options options;
  options.hold = 10s;
  start(options);
  upstream_.refuses = true;
  Asking first = ask(true);
  std::vector<Asking> held;
  for (int i = 0; i < 3; ++i)
    held.push_back(ask(false));
  advance(1s);
  upstream_.refuses = false;
  upstream_.http1_error = Error(Errc::tls_failed, Side::upstream).during(Phase::tls);
  advance(500ms);
  ASSERT_TRUE(first.error());
  EXPECT_TRUE(first.error()->is(Errc::tls_failed));
  for (Asking& each : held)
    EXPECT_TRUE(each.is_served());
}

// Regression: an exception ended the dial before it had dialled for the other version.
TEST_F(OneVersionFails, OutOfMemoryDoesNotPreventTheDialForTheOtherVersion) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  Transport::Options options;
  options.hold = 10s;
  bool has_failed = true;
  ::testing::internal::CaptureStderr();
  for (std::size_t succeed = 0; has_failed; ++succeed) {
    start(options);
    upstream_.refuses = true;
    std::optional<Asking> leaves(ask(true));
    Asking stays = ask(false);
    upstream_.answers = false;
    advance(150ms);
    ASSERT_EQ(upstream_.under_way, 1);
    leaves.reset();
    upstream_.refuses = false;
    upstream_.answers = true;
    {
      const FailingAllocation failing(succeed);
      advance(50ms);
      has_failed = failing.is_over();
    }
    advance(1s);
    ASSERT_TRUE(stays.done()) << "without memory after " << succeed << " allocations";
    EXPECT_TRUE(!stays.error() || stays.error()->is(Errc::overloaded));
  }
  pool_.reset();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// --- beside a connection that is full ----------------------------------------------------------

class HeldBesideAFullConnection : public OneVersionFails {
 protected:
  // Makes an HTTP/2 request wait for room while the upstream refuses further connections.
  void start_full(Transport::Duration hold) {
    Transport::Options options;
    options.hold = hold;
    options.queue_timeout = 5s;
    start(options);
    Taking taking = begin(origin("h2c://a"));
    settle();
    ASSERT_TRUE(taking.done());
    H2Connection& connection = taking.take().value().h2();
    upstream_.accepted.back().send(h2_frames::frame(
        h2_frames::settings, 0, 0, h2_frames::number(3, 2) + h2_frames::number(1, 4)));
    settle();
    Request request(Method::get, Url::parse("h2c://a/").value());
    served_ = std::make_unique<H2Exchange>(connection, request);
    served_->begin(request, nullptr);
    upstream_.refuses = true;
    waiting_.emplace(ask(false));
    ASSERT_FALSE(waiting_->done());
  }

  std::unique_ptr<H2Exchange> served_;
  std::optional<Asking> waiting_;
};

// Regression: the request failed with the refusal, although it waited for room.
TEST_F(HeldBesideAFullConnection, ARefusalOverHttp1DoesNotFailIt) {
  start_full(2s);
  advance(3s);
  ASSERT_FALSE(waiting_->done());
  Asking refused = ask(true);
  advance(500ms);
  ASSERT_FALSE(waiting_->done());
  served_.reset();
  settle();
  EXPECT_TRUE(waiting_->is_served());
  advance(2s);
  EXPECT_TRUE(refused.fails_with(kRefused));
}

TEST_F(HeldBesideAFullConnection, ItWaitsOnlyForQueueTimeout) {
  start_full(20s);
  advance(1s);
  const Asking held = ask(true);
  Asking second = ask(false);
  advance(4500ms);
  ASSERT_TRUE(waiting_->error());
  EXPECT_TRUE(waiting_->error()->is(Errc::no_connection_slot));
  advance(1s);
  ASSERT_TRUE(second.error());
  EXPECT_TRUE(second.error()->is(Errc::no_connection_slot));
  EXPECT_FALSE(held.done());
}

TEST_F(HeldBesideAFullConnection, ItFailsWithItsConnection) {
  start_full(2s);
  advance(3s);
  const Asking held = ask(true);
  advance(500ms);
  upstream_.accepted.front().close();
  advance(200ms);
  EXPECT_TRUE(waiting_->fails_with(kRefused));
  EXPECT_FALSE(held.done());
}

// Regression: each time the request was first in line, all others dialled at once.
TEST_F(HeldBesideAFullConnection, TheOthersShareOneDial) {
  start_full(20s);
  std::vector<Asking> held;
  for (int i = 0; i < 50; ++i)
    held.push_back(ask(true));
  advance(50ms);
  upstream_.answers_http1 = false;
  advance(150ms);
  EXPECT_EQ(upstream_.under_way, 1);
  upstream_.answers_http1 = true;
  const int dials = upstream_.dials;
  advance(1s);
  EXPECT_LE(upstream_.dials - dials, 12);
  upstream_.refuses = false;
  advance(200ms);
  for (Asking& each : held)
    EXPECT_TRUE(each.is_served());
  EXPECT_TRUE(waiting_->is_served()) << "by another connection";
}

}  // namespace
}  // namespace onehop::transport
