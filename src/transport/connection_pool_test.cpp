// SPDX-License-Identifier: Apache-2.0
#include "transport/connection_pool.hpp"

#include "base/promised_memory.hpp"
#include "io/file_descriptor.hpp"
#include "support/h2_upstream_test.hpp"
#include "support/pool_test.hpp"
#include "transport/round_trip.hpp"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace onehop::transport {
namespace {

// --- memory ------------------------------------------------------------------------------------

std::size_t promised() {
  report_promised_memory();
  return promised_memory();
}

// Regression: the window of a stream stayed promised although there would be no stream.
TEST_F(ConnectionPoolTest, ARequestWaitingForHttp1PromisesNoStreamWindow) {
  start();
  upstream_.answers = false;
  const std::size_t before = promised();
  const OnePool pools(*pool_);
  auto asking = round_trip(pools, Request(Method::get, Url::parse("https://a/").value()));
  asking.start();
  EXPECT_EQ(promised() - before, kStreamWindow);
  origin("https://a").use_http1();
  settle();
  EXPECT_FALSE(asking.done());
  EXPECT_EQ(promised(), before);
}

// --- which connection --------------------------------------------------------------------------

struct Age {
  const char* name;
  Reuse reuse;
  io::Duration idle_for;
  bool is_taken;
};
class ConnectionPoolAge : public ConnectionPoolTest, public ::testing::WithParamInterface<Age> {};

TEST_P(ConnectionPoolAge, DecidesWhichRequestsMayReuseIt) {
  start();
  give_back(take(origin()));
  advance(GetParam().idle_for);
  const Held taken = try_take(origin(), GetParam().reuse);
  EXPECT_EQ(taken != nullptr, GetParam().is_taken);
  EXPECT_EQ(shared_->statistics().reused, GetParam().is_taken ? 1u : 0u);
}

INSTANTIATE_TEST_SUITE_P(All,
                         ConnectionPoolAge,
                         ::testing::Values(Age{"AnyAtOnce", Reuse::any, 0s, true},
                                           Age{"AnyLater", Reuse::any, 3900ms, true},
                                           Age{"AnyTooLate", Reuse::any, 4s, false},
                                           Age{"RecentAtOnce", Reuse::recent_only, 0s, true},
                                           Age{"RecentLater", Reuse::recent_only, 1s, true},
                                           Age{"RecentTooLate", Reuse::recent_only, 1100ms, false},
                                           Age{"Fresh", Reuse::none, 0s, false}),
                         [](const auto& each) { return std::string(each.param.name); });

// A connection that is too old for one request is kept for the next.
TEST_F(ConnectionPoolTest, KeepsAConnectionTooOldForOneRequest) {
  start();
  give_back(take(origin()));
  advance(2s);
  EXPECT_FALSE(try_take(origin(), Reuse::recent_only));
  EXPECT_EQ(idle(), 1u);
  EXPECT_TRUE(try_take(origin(), Reuse::any));
}

TEST_F(ConnectionPoolTest, ReusesTheLastReturnedConnectionFirst) {
  start();
  Held one = take(origin());
  Held two = take(origin());
  const H1Connection* const first = one.get();
  const H1Connection* const second = two.get();
  give_back(std::move(one));
  give_back(std::move(two));
  const Held again = take(origin());
  EXPECT_EQ(again.get(), second);
  const Held other = take(origin());
  EXPECT_EQ(other.get(), first);
  EXPECT_EQ(shared_->statistics().dialled, 2u);
  EXPECT_EQ(shared_->statistics().reused, 2u);
  EXPECT_TRUE(again->is_reused());
}

TEST_F(ConnectionPoolTest, FindsEachOfManyOriginsAgain) {
  start();
  std::vector<Origin*> origins;
  const auto url = [](std::size_t i) { return "http://a:" + std::to_string(8000 + i); };
  for (std::size_t i = 0; i < 600; ++i) {
    origins.push_back(&origin(url(i)));
    EXPECT_EQ(&origin(url(i / 2)), origins[i / 2]);
  }
  for (std::size_t i = 0; i < origins.size(); ++i)
    EXPECT_EQ(&origin(url(i)), origins[i]) << i;
  EXPECT_EQ(std::set<Origin*>(origins.begin(), origins.end()).size(), origins.size());
}

TEST_F(ConnectionPoolTest, DistinguishesOrigins) {
  start();
  const std::vector<std::string> urls = {"http://a", "http://a:8080", "http://b",
                                         "unix:/run/a.sock", "unix:/run/b.sock"};
  std::vector<Origin*> origins;
  for (const std::string& url : urls) {
    const auto parsed = Url::parse(url);
    ASSERT_TRUE(parsed) << url;
    origins.push_back(&pool_->origin(*parsed));
    EXPECT_EQ(&pool_->origin(*parsed), origins.back());
  }
  for (std::size_t i = 0; i < origins.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_NE(origins[i], origins[j]) << urls[i] << ' ' << urls[j];
  }
  EXPECT_EQ(&origin("http://a:80/x?y"), origins[0]);
  give_back(take(*origins[0]));
  EXPECT_FALSE(try_take(*origins[1], Reuse::any));
  EXPECT_TRUE(try_take(*origins[0], Reuse::any));
}

// --- the address to connect to -----------------------------------------------------------------

TEST_F(ConnectionPoolTest, DoesNotShareConnectionsBetweenConnectAddresses) {
  start();
  const Url url = Url::parse("http://a").value();
  Origin& first = pool_->origin(url, "192.0.2.1");
  Origin& second = pool_->origin(url, "192.0.2.2");
  Origin& by_name = pool_->origin(url);
  EXPECT_NE(&first, &second);
  EXPECT_NE(&first, &by_name);
  EXPECT_EQ(&pool_->origin(url, "192.0.2.1"), &first);
  give_back(take(first));
  EXPECT_EQ(upstream_.last_host, "192.0.2.1");
  EXPECT_FALSE(try_take(second, Reuse::any));
  EXPECT_FALSE(try_take(by_name, Reuse::any));
  give_back(take(second));
  EXPECT_EQ(upstream_.last_host, "192.0.2.2");
  give_back(take(by_name));
  EXPECT_EQ(upstream_.last_host, "a");
  EXPECT_EQ(idle(), 3u);
  EXPECT_TRUE(try_take(first, Reuse::any));
  EXPECT_FALSE(try_take(first, Reuse::any));
}

// --- idle connections --------------------------------------------------------------------------

TEST_F(ConnectionPoolTest, ClosesConnectionsAfterTheIdleTimeout) {
  start();
  give_back(take(origin()));
  advance(3900ms);
  EXPECT_EQ(idle(), 1u);
  advance(500ms);
  EXPECT_EQ(idle(), 0u);
  EXPECT_EQ(open(), 0u);
  EXPECT_EQ(upstream_.accepted.front().ending(), "end");
}

TEST_F(ConnectionPoolTest, HonoursTheIdleHintOfTheUpstream) {
  for (const auto& [hint, kept] : {std::pair{2s, 1900ms}, std::pair{30s, 29'900ms}}) {
    start();
    Held connection = take(origin());
    connection->set_idle_hint(hint);
    give_back(std::move(connection));
    advance(kept);
    EXPECT_EQ(idle(), 1u);
    advance(500ms);
    EXPECT_EQ(idle(), 0u);
  }
}

TEST_F(ConnectionPoolTest, DoesNotKeepAConnectionPastItsMaximumAge) {
  Transport::Options options;
  options.max_connection_age = 10s;
  options.pool_idle_timeout = 1h;
  start(options);
  Held young = take(origin());
  advance(8s);
  origin().give_back(std::move(young));
  EXPECT_EQ(idle(), 1u);
  Held again = try_take(origin(), Reuse::any);
  ASSERT_TRUE(again);
  advance(3s);
  origin().give_back(std::move(again));
  EXPECT_EQ(open(), 0u);
}

TEST_F(ConnectionPoolTest, ClosesAnIdleConnectionAtItsMaximumAge) {
  Transport::Options options;
  options.max_connection_age = 10s;
  options.pool_idle_timeout = 1h;
  start(options);
  origin().give_back(take(origin()));
  EXPECT_EQ(idle(), 1u);
  advance(11s);
  EXPECT_EQ(open(), 0u);
}

TEST_F(ConnectionPoolTest, DoesNotKeepAConnectionAtItsMaximumRequests) {
  Transport::Options options;
  options.max_connection_requests = 2;
  start(options);
  Held lease = take(origin());
  lease->count_exchange();
  origin().give_back(std::move(lease));
  lease = try_take(origin(), Reuse::any);
  ASSERT_TRUE(lease);
  lease->count_exchange();
  origin().give_back(std::move(lease));
  EXPECT_EQ(open(), 0u);
}

TEST_F(ConnectionPoolTest, DropsAnIdleConnectionThatEndsOrReceivesData) {
  for (const bool speaks : {false, true}) {
    start();
    give_back(take(origin()));
    FarEnd& far = upstream_.accepted.back();
    if (speaks) {
      far.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
    } else {
      far.close_write();
    }
    settle();
    EXPECT_EQ(idle(), 0u);
    EXPECT_FALSE(try_take(origin(), Reuse::any));
  }
}

// The event has not been delivered yet, so the pool checks again.
TEST_F(ConnectionPoolTest, DoesNotReuseAConnectionThatHasJustEnded) {
  start();
  give_back(take(origin()));
  upstream_.accepted.back().close_write();
  EXPECT_FALSE(try_take(origin(), Reuse::recent_only));
  EXPECT_EQ(idle(), 0u);
}

TEST_F(ConnectionPoolTest, LimitsIdleConnectionsAndClosesTheOldestOfTheLargestOrigin) {
  Transport::Options options;
  options.pool_size = 3;
  start(options);
  std::vector<Held> of_a;
  for (int i = 0; i < 3; ++i)
    of_a.push_back(take(origin("http://a")));
  Held of_b = take(origin("http://b"));
  const H1Connection* const oldest = of_a.front().get();
  for (Held& each : of_a)
    give_back(std::move(each));
  give_back(std::move(of_b));
  EXPECT_EQ(idle(), 3u);
  EXPECT_EQ(origin("http://a").idle(), 2u);
  EXPECT_EQ(origin("http://b").idle(), 1u);
  for (Held each = try_take(origin("http://a"), Reuse::any); each;
       each = try_take(origin("http://a"), Reuse::any)) {
    EXPECT_NE(each.get(), oldest);
  }
}

TEST_F(ConnectionPoolTest, KeepsNothingWithASizeOfZero) {
  Transport::Options options;
  options.pool_size = 0;
  start(options);
  give_back(take(origin()));
  EXPECT_EQ(idle(), 0u);
  EXPECT_EQ(open(), 0u);
}

TEST_F(ConnectionPoolTest, ClosesItsConnectionsOnDestruction) {
  start();
  Held leased = take(origin());
  give_back(take(origin()));
  EXPECT_EQ(open(), 2u);
  EXPECT_EQ(idle(), 1u);
  leased.reset();
  pool_.reset();
  EXPECT_EQ(open(), 0u);
  EXPECT_EQ(idle(), 0u);
}

// --- waiting -----------------------------------------------------------------------------------

TEST_F(ConnectionPoolTest, GivesAWaiterTheFirstAvailableConnection) {
  start();
  Held used = take(origin());
  upstream_.answers = false;
  Taking waiting = begin(origin());
  settle();
  EXPECT_EQ(upstream_.under_way, 1);
  const H1Connection* const given = used.get();
  give_back(std::move(used));
  settle();
  EXPECT_EQ(lease_of(waiting).get(), given);
  // The connection that was being made is kept for the next request.
  upstream_.answers = true;
  advance(20ms);
  EXPECT_EQ(idle(), 1u);
  EXPECT_EQ(shared_->statistics().dialled, 2u);
}

TEST_F(ConnectionPoolTest, GivesOnlyANewConnectionIfReuseIsNotAllowed) {
  start();
  Held used = take(origin());
  upstream_.answers = false;
  Taking waiting = begin(origin(), Reuse::none);
  give_back(std::move(used));
  settle();
  EXPECT_FALSE(waiting.done());
  upstream_.answers = true;
  advance(20ms);
  const Held given = lease_of(waiting);
  ASSERT_TRUE(given);
  EXPECT_FALSE(given->is_reused());
}

TEST_F(ConnectionPoolTest, ServesWaitersInOrder) {
  Transport::Options options;
  options.max_connections = 1;
  start(options);
  Held only = take(origin());
  const H1Connection* const connection = only.get();
  std::vector<Taking> waiting;
  for (int i = 0; i < 3; ++i)
    waiting.push_back(begin(origin()));
  for (Taking& each : waiting) {
    EXPECT_FALSE(each.done());
    give_back(std::move(only));
    settle();
    only = lease_of(each);
    EXPECT_EQ(only.get(), connection);
  }
  EXPECT_EQ(upstream_.dials, 1);
}

TEST_F(ConnectionPoolTest, FailsOneWaiterForEachFailedDial) {
  start();
  upstream_.answers = false;
  Taking first = begin(origin());
  Taking second = begin(origin());
  EXPECT_EQ(upstream_.dials, 2);
  upstream_.refuses = true;
  upstream_.answers = true;
  advance(20ms);
  for (Taking* each : {&first, &second}) {
    const auto error = error_of(*each);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), std::error_code(ECONNREFUSED, std::system_category()));
  }
  EXPECT_EQ(open(), 0u);
}

// Regression: the second request failed with the error of another dial, although its own succeeded.
TEST_F(ConnectionPoolTest, IgnoresAFailedDialIfEachWaiterHasAnother) {
  start();
  Held used = take(origin());
  upstream_.answers = false;
  Taking first = begin(origin());
  advance(5ms);
  Taking second = begin(origin());
  give_back(std::move(used));
  settle();
  ASSERT_TRUE(lease_of(first));
  upstream_.answers = upstream_.refuses = true;
  advance(9ms);
  ASSERT_EQ(upstream_.under_way, 1);
  upstream_.refuses = false;
  advance(10ms);
  EXPECT_TRUE(lease_of(second));
}

// Regression: the connection became idle although requests waited after the one that needed a new
// connection.
TEST_F(ConnectionPoolTest, GivesAConnectionToTheFirstWaiterThatCanUseIt) {
  start();
  Held used = take(origin());
  H1Connection* const same = used.get();
  upstream_.answers = false;
  Taking retry = begin(origin(), Reuse::none);
  Taking second = begin(origin());
  Taking third = begin(origin());
  give_back(std::move(used));
  settle();
  const Held given = lease_of(second);
  EXPECT_EQ(given.get(), same);
  EXPECT_FALSE(retry.done() || third.done());
  upstream_.answers = true;
  advance(20ms);
  EXPECT_TRUE(lease_of(retry));
  EXPECT_TRUE(lease_of(third));
}

TEST_F(ConnectionPoolTest, KeepsTheConnectionOfACancelledRequest) {
  start();
  upstream_.answers = false;
  {
    Taking given_up = begin(origin());
    settle();
  }
  upstream_.answers = true;
  advance(20ms);
  EXPECT_EQ(idle(), 1u);
  EXPECT_TRUE(try_take(origin(), Reuse::any));
}

// --- unused origins ----------------------------------------------------------------------------

// Regression: origins were kept as long as the process, and a hook may take the host from the
// request.
TEST_F(ConnectionPoolTest, ForgetsAnUnusedOrigin) {
  start();
  for (int i = 0; i < 100; ++i)
    take(origin("http://host-" + std::to_string(i)));  // closed, not given back
  EXPECT_EQ(pool_->origins(), 100u);
  advance(2s);
  EXPECT_EQ(pool_->origins(), 0u);
  EXPECT_EQ(shared_->origins(), 0u);
  EXPECT_TRUE(take(origin("http://host-99")));
}

TEST_F(ConnectionPoolTest, KeepsAnOriginAsLongAsItIsNeeded) {
  Transport::Options options;
  options.max_connections = 1;
  options.queue_timeout = 1min;
  options.pool_idle_timeout = 4s;
  start(options);
  Origin& kept = origin();
  upstream_.answers = false;
  Taking first = begin(kept);
  Taking second = begin(kept);
  advance(30s);  // a connection is being made, and a request waits for a slot
  upstream_.answers = true;
  advance(20ms);
  Held lease = lease_of(first);
  advance(10s);
  give_back(std::move(lease));
  settle();
  lease = lease_of(second);
  advance(10s);  // a connection is in use
  give_back(std::move(lease));
  advance(3s);  // a connection is idle
  EXPECT_EQ(&origin(), &kept);
  EXPECT_EQ(idle(), 1u);
  advance(4s);
  EXPECT_EQ(pool_->origins(), 0u);
}

TEST_F(ConnectionPoolTest, IgnoresLateRepliesForAForgottenOrigin) {
  start();
  take(origin());
  advance(2s);
  pool_->complete("http|a|80", nullptr);
  EXPECT_EQ(pool_->origins(), 0u);
}

// --- connections of other workers --------------------------------------------------------------

class TransferredTest : public ConnectionPoolTest {
 protected:
  TransferredTest() { start(); }

  // Another worker transfers a connection that has been idle for `idle_for`.
  void hand_over(io::Duration idle_for, bool has_ended = false) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    far_end_ = io::FileDescriptor(ends[1]);
    if (has_ended) far_end_.reset();
    auto transfer = std::make_unique<IdleTransfer>(io::FileDescriptor(ends[0]),
                                                   *shared_->try_slot(shared_->origin("http|a|80")),
                                                   "a", pool_->context().new_lifetime());
    transfer->exchanges = 1;
    transfer->idle_since = reactor_.now() - idle_for;
    transfer->expires = transfer->idle_since + 4s;
    origin().complete(std::move(transfer));
    settle();
  }
  // Makes a request wait for a connection that is being made.
  Taking begin_to_wait(Reuse reuse) {
    upstream_.answers = false;
    return begin(origin(), reuse);
  }

  io::FileDescriptor far_end_;
};

// Regression: the connection was given to any request, even a POST, however long it had been idle.
TEST_F(TransferredTest, ALongIdleConnectionServesOnlyRequestsThatMayReuseIt) {
  Taking post = begin_to_wait(Reuse::recent_only);
  hand_over(1100ms);
  EXPECT_FALSE(post.done());
  EXPECT_EQ(idle(), 1u);
  hand_over(900ms);
  EXPECT_TRUE(lease_of(post));
  Taking get = begin_to_wait(Reuse::any);
  hand_over(3900ms);
  EXPECT_TRUE(lease_of(get));
}

// Regression: the idle time of the connection began again in the second pool.
TEST_F(TransferredTest, AnUnclaimedConnectionKeepsItsIdleTime) {
  hand_over(3s);
  EXPECT_EQ(idle(), 1u);
  EXPECT_FALSE(try_take(origin(), Reuse::recent_only));
  advance(1300ms);
  EXPECT_EQ(idle(), 0u);
}

TEST_F(TransferredTest, AnOlderConnectionDoesNotHideLocalOnes) {
  give_back(take(origin()));
  hand_over(3s);
  EXPECT_EQ(idle(), 2u);
  EXPECT_TRUE(try_take(origin(), Reuse::recent_only));
}

TEST_F(TransferredTest, AConnectionThatEndsInTransitIsDropped) {
  Taking get = begin_to_wait(Reuse::any);
  hand_over(100ms, true);
  EXPECT_FALSE(get.done());
  upstream_.answers = true;
  advance(20ms);
  EXPECT_TRUE(lease_of(get));
  EXPECT_EQ(open(), 0u);
}

}  // namespace
}  // namespace onehop::transport
