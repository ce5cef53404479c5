// SPDX-License-Identifier: Apache-2.0
//
// Requests that wait for an upstream that refuses, or for a descriptor, behave the same over both
// versions of HTTP.
#include "transport/redial.hpp"

#include "support/h2_frames.hpp"
#include "support/h2_upstream_test.hpp"
#include "support/pool_test.hpp"
#include "transport/round_trip.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace onehop::transport {
namespace {

Error refusal(int errno_value, Phase phase = Phase::connect) {
  return Error::system(errno_value, Side::upstream).during(phase);
}

class RedialTest : public ConnectionPoolTest, public ::testing::WithParamInterface<bool> {
 protected:
  static bool is_http2() { return GetParam(); }

  void start_holding(Transport::Duration hold, Limit<std::size_t> max_connections = no_limit) {
    Transport::Options options;
    options.hold = hold;
    options.max_connections = max_connections;
    start(options);
    upstream_.refuses = true;
  }
  Asking ask() { return Asking(begin(origin(is_http2() ? "h2c://a" : "http://a"))); }
  std::vector<Asking> ask_often(std::size_t count) {
    std::vector<Asking> all;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(ask());
    return all;
  }
  // Takes a connection that max_connections allows, as another thread would.
  std::unique_ptr<Slot> take_slot() {
    auto slot = shared_->try_slot(shared_->origin(is_http2() ? "h2c|a|80" : "http|a|80"));
    return slot ? std::make_unique<Slot>(std::move(*slot)) : nullptr;
  }
};

INSTANTIATE_TEST_SUITE_P(Over, RedialTest, ::testing::Bool(), [](const auto& each) {
  return each.param ? "Http2" : "Http1";
});

// Regression: each request dialled separately, ten times per second.
TEST_P(RedialTest, AllWaitersShareOneDial) {
  start_holding(10s);
  std::vector<Asking> all = ask_often(200);
  advance(2s);
  EXPECT_GE(upstream_.dials, 15);
  EXPECT_LE(upstream_.dials, 25);
  for (const Asking& each : all)
    EXPECT_FALSE(each.done());
  upstream_.refuses = false;
  advance(200ms);
  for (Asking& each : all)
    EXPECT_TRUE(each.is_served());
}

TEST_P(RedialTest, EachWaiterIsHeldForItsOwnTime) {
  start_holding(1s);
  Asking first = ask();
  advance(500ms);
  Asking second = ask();
  advance(650ms);
  EXPECT_TRUE(first.fails_with(kRefused));
  EXPECT_FALSE(second.done());
  advance(500ms);
  EXPECT_TRUE(second.fails_with(kRefused));
}

TEST_P(RedialTest, StopsDiallingWhenAllWaitersHaveLeft) {
  start_holding(10s);
  {
    const std::vector<Asking> all = ask_often(20);
    advance(500ms);
  }
  const int before = upstream_.dials;
  advance(5s);
  EXPECT_EQ(upstream_.dials, before);
  upstream_.refuses = false;
  Asking next = ask();
  settle();
  EXPECT_TRUE(next.is_served());
}

// Regression: all requests failed. With TLS, a reset arrives during the handshake.
TEST_P(RedialTest, HoldsRequestsIfTheUpstreamAbortsTheHandshake) {
  for (const Error& left : {refusal(ECONNRESET, Phase::tls),
                            Error(Errc::closed, Side::upstream, "it left").during(Phase::tls)}) {
    start_holding(10s);
    Asking first = ask();
    advance(1s);
    EXPECT_FALSE(first.done());
    upstream_.refusal = left;
    Asking second = ask();
    advance(5s);
    EXPECT_FALSE(first.done() || second.done()) << left.to_string();
    upstream_.refuses = false;
    advance(200ms);
    EXPECT_TRUE(first.is_served() && second.is_served()) << left.to_string();
  }
}

TEST_P(RedialTest, APermanentErrorFailsAllWaiters) {
  start_holding(10s);
  std::vector<Asking> all = ask_often(5);
  advance(500ms);
  upstream_.refusal = Error(Errc::tls_failed, Side::upstream).during(Phase::tls);
  advance(200ms);
  for (Asking& each : all)
    EXPECT_TRUE(each.fails_with(make_error_code(Errc::tls_failed)));
}

// Regression: the request failed with the refusal only after queue_timeout.
TEST_P(RedialTest, AWaitForASlotBecomesAHold) {
  start_holding(20s, 1);
  std::unique_ptr<Slot> taken = take_slot();
  ASSERT_TRUE(taken);
  Asking waiting = ask();
  advance(3s);
  EXPECT_EQ(upstream_.dials, 0);
  taken.reset();
  advance(16s);
  EXPECT_GT(upstream_.dials, 10);
  EXPECT_FALSE(waiting.done());
  upstream_.refuses = false;
  advance(200ms);
  EXPECT_TRUE(waiting.is_served());
}

TEST_P(RedialTest, AHoldAfterAWaitForASlotEnds) {
  start_holding(20s, 1);
  std::unique_ptr<Slot> taken = take_slot();
  Asking waiting = ask();
  advance(3s);
  taken.reset();
  advance(18s);
  EXPECT_TRUE(waiting.fails_with(kRefused));
}

// Regression: the request failed with the refusal only after queue_timeout.
TEST_P(RedialTest, AWaiterBesideADialThatIsRefusedLaterIsHeld) {
  start_holding(20s, 1);
  upstream_.answers = false;
  Asking first = ask();
  Asking second = ask();
  advance(3s);
  EXPECT_EQ(upstream_.dials, 1);
  upstream_.answers = true;
  advance(12s);
  EXPECT_FALSE(first.done() || second.done());
  upstream_.refuses = false;
  advance(200ms);
  EXPECT_TRUE(first.is_served());
}

TEST_P(RedialTest, EveryWaitIsBounded) {
  for (const Transport::Duration hold : {Transport::Duration::zero(), Transport::Duration(20s)}) {
    start_holding(hold);
    upstream_.answers = false;  // a real dialer would end the dial
    Asking waiting = ask();
    advance(std::max<Transport::Duration>(hold, 5s) + 4900ms);
    EXPECT_FALSE(waiting.done());
    advance(300ms);
    EXPECT_TRUE(waiting.fails_with(make_error_code(Errc::no_connection_slot)));
  }
}

// Regression: the count of dials stayed wrong, and requests waited for the failed dial.
TEST_P(RedialTest, ADialWithoutMemoryDoesNotBlockLaterRequests) {
  start();
  upstream_.is_short_of_memory = true;
  Asking first = ask();
  advance(10ms);
  EXPECT_TRUE(first.fails_with(make_error_code(Errc::overloaded)));
  upstream_.is_short_of_memory = false;
  Asking second = ask();
  settle();
  EXPECT_TRUE(second.is_served());
}

TEST_P(RedialTest, ARedialWithoutMemoryDoesNotBlockLaterRequests) {
  start_holding(10s);
  Asking first = ask();
  advance(500ms);
  upstream_.is_short_of_memory = true;
  advance(200ms);
  EXPECT_TRUE(first.fails_with(make_error_code(Errc::overloaded)));
  upstream_.is_short_of_memory = false;
  Asking second = ask();
  advance(1s);
  EXPECT_FALSE(second.done());
  upstream_.refuses = false;
  advance(200ms);
  EXPECT_TRUE(second.is_served());
}

// --- descriptors -------------------------------------------------------------------------------

class DescriptorsTest : public RedialTest {
 protected:
  void run_out() {
    upstream_.refuses = true;
    upstream_.refusal = refusal(EMFILE);
  }
};

INSTANTIATE_TEST_SUITE_P(Over, DescriptorsTest, ::testing::Bool(), [](const auto& each) {
  return each.param ? "Http2" : "Http1";
});

TEST_P(DescriptorsTest, WaitsForADescriptor) {
  start();
  run_out();
  Asking waiting = ask();
  advance(1s);
  EXPECT_FALSE(waiting.done());
  upstream_.refuses = false;
  advance(200ms);
  EXPECT_TRUE(waiting.is_served());
}

TEST_P(DescriptorsTest, LimitsTheWaitForADescriptor) {
  start();
  run_out();
  Asking waiting = ask();
  advance(4900ms);
  EXPECT_FALSE(waiting.done());
  advance(300ms);
  EXPECT_TRUE(waiting.fails_with(std::error_code(EMFILE, std::system_category())));
  EXPECT_EQ(waiting.error()->side(), Side::local) << "the upstream is not to blame";
  EXPECT_EQ(waiting.error()->phase(), Phase::queue);
  EXPECT_TRUE(waiting.error()->retry_safe());
}

// Regression: the response was a 502.
TEST_P(DescriptorsTest, ReportsALackOfDescriptorsEvenWithoutAWait) {
  Transport::Options options;
  options.queue_timeout = 0s;
  start(options);
  run_out();
  Asking asking = ask();
  advance(10ms);
  EXPECT_TRUE(asking.fails_with(std::error_code(EMFILE, std::system_category())));
}

// Regression: such connections were kept until pool_idle_timeout.
TEST_P(DescriptorsTest, AnIdleHttp2ConnectionElsewhereGivesUpItsDescriptor) {
  start();
  Need need;
  need.settings = true;
  Taking taking = origin("h2c://b").lease(need, reactor_.now());
  taking.start();
  upstream_.accepted.back().send(h2_frames::frame(h2_frames::settings, 0, 0));
  settle();
  ASSERT_TRUE(taking.done());
  ASSERT_TRUE(taking.take());
  EXPECT_EQ(open(), 1u);
  run_out();
  Asking waiting = ask();
  settle();
  EXPECT_EQ(open(), 0u);
  EXPECT_FALSE(waiting.done());
  upstream_.refuses = false;
  advance(200ms);
  EXPECT_TRUE(waiting.is_served());
}

// --- over HTTP/1 only --------------------------------------------------------------------------

class Http1RedialTest : public ConnectionPoolTest {
 protected:
  void run_out() {
    upstream_.refuses = true;
    upstream_.refusal = refusal(EMFILE);
  }
};

// Without hold, a refused dial is repeated once, after 50 ms.
TEST_F(Http1RedialTest, AnExpiredHoldIsNotRetried) {
  for (const io::Duration hold : {io::Duration(0s), io::Duration(1s)}) {
    Transport::Options options;
    options.hold = hold;
    start(options);
    upstream_.refuses = true;
    const OnePool pools(*pool_);
    auto asking = round_trip(pools, Request(Method::get, Url::parse("http://a/").value()));
    asking.start();
    advance(hold + 49ms);
    EXPECT_EQ(asking.done(), hold > 0s);
    const int dials = upstream_.dials;
    advance(1s);
    ASSERT_TRUE(asking.done());
    EXPECT_FALSE(asking.take());
    EXPECT_EQ(upstream_.dials - dials, hold > 0s ? 0 : 1);
  }
}

// With max_connections, the request waits for a connection after the hold.
TEST_F(Http1RedialTest, AHeldRequestWaitsForItsSlot) {
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
  Held lease = lease_of(first);
  EXPECT_FALSE(second.done());
  give_back(std::move(lease));
  settle();
  EXPECT_TRUE(lease_of(second));
}

// Regression: the response was a 502.
TEST_F(Http1RedialTest, ARequestWithoutADescriptorWaitsForAReturnedConnection) {
  start();
  Held used = take(origin());
  run_out();
  Taking waiting = begin(origin());
  advance(1s);
  EXPECT_FALSE(waiting.done());
  H1Connection* const same = used.get();
  give_back(std::move(used));
  settle();
  EXPECT_EQ(lease_of(waiting).get(), same);
}

// Regression: the request waited while the others kept their connections.
TEST_F(Http1RedialTest, ARequestWithADescriptorButNoSlotTimesOut) {
  Transport::Options options;
  options.max_connections = 2;
  start(options);
  run_out();
  upstream_.answers = false;
  Taking first = begin(origin());
  Taking second = begin(origin());
  upstream_.answers = true;
  advance(50ms);
  EXPECT_FALSE(first.done() || second.done());
  const auto of_another_thread = shared_->try_slot(shared_->origin("http|a|80"));
  ASSERT_TRUE(of_another_thread);
  upstream_.refuses = false;
  advance(200ms);
  const Held lease = lease_of(first);
  EXPECT_FALSE(second.done());
  advance(10s);
  const auto error = error_of(second);
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->is(Errc::no_connection_slot));
}

TEST_F(Http1RedialTest, AnIdleConnectionGivesUpItsDescriptorToAnHttp2Request) {
  start();
  give_back(take(origin("http://b")));
  EXPECT_EQ(idle(), 1u);
  run_out();
  const Taking waiting = begin(origin("h2c://a"));
  settle();
  EXPECT_EQ(idle(), 0u);
}

TEST_F(Http1RedialTest, AnIdleConnectionElsewhereGivesUpItsDescriptor) {
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
