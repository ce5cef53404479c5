// SPDX-License-Identifier: Apache-2.0
#include "transport/connection_pool.hpp"

#include "io/file_descriptor.hpp"
#include "support/stream_pair.hpp"

#include <cerrno>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace onehop::transport {
namespace {

using namespace std::chrono_literals;
using test::FarEnd;

using Lease = std::unique_ptr<Connection>;
using Taking = task<Result<Lease>>;

// What became of the dials of one or more pools.
struct Upstream {
  std::deque<FarEnd> accepted;
  int dials = 0;
  int under_way = 0;
  bool answers = true;  // else dials wait until it does
  bool refuses = false;
};

class ScriptedDialer final : public net::Dialer {
 public:
  ScriptedDialer(io::Reactor& reactor, Upstream& upstream)
      : reactor_(reactor), upstream_(upstream) {}

  task<Result<net::Dialled>> dial(const net::Destination& destination) override {
    ++upstream_.dials;
    ++upstream_.under_way;
    while (!upstream_.answers)
      co_await sleep_for(10ms);
    --upstream_.under_way;
    if (upstream_.refuses) {
      co_return failure(Error::system(ECONNREFUSED, Side::upstream).during(Phase::connect));
    }
    auto [near, far] = net::make_memory_pair(reactor_);
    upstream_.accepted.emplace_back(std::move(far));
    co_return net::Dialled(std::move(near), destination.host);
  }

 private:
  io::Reactor& reactor_;
  Upstream& upstream_;
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
  OriginPool& origin(std::string_view url = "http://a") {
    return pool_->origin(Url::parse(url).value());
  }

  // Starts to wait for a connection.
  static Taking begin(OriginPool& origin, Freshness freshness = Freshness::any) {
    Taking taking = origin.take(freshness);
    taking.start();
    return taking;
  }
  // What came of it.
  static Lease lease_of(Taking& taking) {
    EXPECT_TRUE(taking.done());
    if (!taking.done()) return nullptr;
    auto taken = taking.take();
    EXPECT_TRUE(taken);
    return taken ? std::move(*taken) : nullptr;
  }
  static std::optional<Error> error_of(Taking& taking) {
    EXPECT_TRUE(taking.done());
    if (!taking.done()) return std::nullopt;
    const auto taken = taking.take();
    if (taken) return std::nullopt;
    return taken.error();
  }
  Lease take(OriginPool& from, Freshness freshness = Freshness::any) {
    if (Lease idle = from.try_take(freshness)) return idle;
    Taking taking = begin(from, freshness);
    settle();
    return lease_of(taking);
  }
  // After a request that left it reusable.
  static void give_back(Lease connection) {
    connection->note_exchange();
    OriginPool& origin = connection->pool();
    origin.give_back(std::move(connection));
  }
  std::size_t idle() const { return shared_->statistics().idle; }
  std::size_t open() const { return shared_->statistics().open; }

  Upstream upstream_;
  std::shared_ptr<SharedPools> shared_;
  std::unique_ptr<ConnectionPool> pool_;
};

// --- which connection --------------------------------------------------------------------------

struct Age {
  const char* name;
  Freshness freshness;
  io::Duration idle_for;
  bool is_taken;
};
class ConnectionPoolAge : public ConnectionPoolTest, public ::testing::WithParamInterface<Age> {};

TEST_P(ConnectionPoolAge, DecidesWhoMayHaveIt) {
  start();
  give_back(take(origin()));
  advance(GetParam().idle_for);
  const Lease taken = origin().try_take(GetParam().freshness);
  EXPECT_EQ(taken != nullptr, GetParam().is_taken);
  EXPECT_EQ(shared_->statistics().reused, GetParam().is_taken ? 1u : 0u);
}

INSTANTIATE_TEST_SUITE_P(All,
                         ConnectionPoolAge,
                         ::testing::Values(Age{"AnyAtOnce", Freshness::any, 0s, true},
                                           Age{"AnyLater", Freshness::any, 3900ms, true},
                                           Age{"AnyTooLate", Freshness::any, 4s, false},
                                           Age{"RecentAtOnce", Freshness::recent, 0s, true},
                                           Age{"RecentLater", Freshness::recent, 1s, true},
                                           Age{"RecentTooLate", Freshness::recent, 1100ms, false},
                                           Age{"Fresh", Freshness::fresh, 0s, false}),
                         [](const auto& each) { return std::string(each.param.name); });

// What is too old for one request is not lost to the next.
TEST_F(ConnectionPoolTest, KeepsWhatWasNotRecentEnough) {
  start();
  give_back(take(origin()));
  advance(2s);
  EXPECT_FALSE(origin().try_take(Freshness::recent));
  EXPECT_EQ(idle(), 1u);
  EXPECT_TRUE(origin().try_take(Freshness::any));
}

TEST_F(ConnectionPoolTest, GivesTheLastOneFirst) {
  start();
  Lease one = take(origin());
  Lease two = take(origin());
  const Connection* const first = one.get();
  const Connection* const second = two.get();
  give_back(std::move(one));
  give_back(std::move(two));
  const Lease again = take(origin());
  EXPECT_EQ(again.get(), second);
  const Lease other = take(origin());
  EXPECT_EQ(other.get(), first);
  EXPECT_EQ(shared_->statistics().dialled, 2u);
  EXPECT_EQ(shared_->statistics().reused, 2u);
  EXPECT_TRUE(again->is_reused());
}

TEST_F(ConnectionPoolTest, TellsOriginsApart) {
  start();
  const std::vector<std::string> urls = {"http://a", "http://a:8080", "http://b",
                                         "unix:/run/a.sock", "unix:/run/b.sock"};
  std::vector<OriginPool*> origins;
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
  EXPECT_FALSE(origins[1]->try_take(Freshness::any));
  EXPECT_TRUE(origins[0]->try_take(Freshness::any));
}

// --- idle connections --------------------------------------------------------------------------

TEST_F(ConnectionPoolTest, ClosesWhatHasBeenIdleForTooLong) {
  start();
  give_back(take(origin()));
  advance(3900ms);
  EXPECT_EQ(idle(), 1u);
  advance(500ms);
  EXPECT_EQ(idle(), 0u);
  EXPECT_EQ(open(), 0u);
  EXPECT_EQ(upstream_.accepted.front().ending(), "end");
}

TEST_F(ConnectionPoolTest, BelievesHowLongTheUpstreamKeepsIt) {
  for (const auto& [hint, kept] : {std::pair{2s, 1900ms}, std::pair{30s, 29'900ms}}) {
    start();
    Lease connection = take(origin());
    connection->set_idle_hint(hint);
    give_back(std::move(connection));
    advance(kept);
    EXPECT_EQ(idle(), 1u);
    advance(500ms);
    EXPECT_EQ(idle(), 0u);
  }
}

TEST_F(ConnectionPoolTest, KeepsNoneThatIsOldEnough) {
  Transport::Options options;
  options.max_connection_age = 10s;
  options.pool_idle_timeout = 1h;
  start(options);
  Lease young = take(origin());
  advance(8s);
  origin().give_back(std::move(young));
  EXPECT_EQ(idle(), 1u);
  Lease again = origin().try_take(Freshness::any);
  ASSERT_TRUE(again);
  advance(3s);
  origin().give_back(std::move(again));
  EXPECT_EQ(open(), 0u);
}

TEST_F(ConnectionPoolTest, ClosesAnIdleOneThatBecomesOldEnough) {
  Transport::Options options;
  options.max_connection_age = 10s;
  options.pool_idle_timeout = 1h;
  start(options);
  origin().give_back(take(origin()));
  EXPECT_EQ(idle(), 1u);
  advance(11s);
  EXPECT_EQ(open(), 0u);
}

TEST_F(ConnectionPoolTest, KeepsNoneThatHasCarriedAsManyRequestsAsItMay) {
  Transport::Options options;
  options.max_connection_requests = 2;
  start(options);
  Lease lease = take(origin());
  lease->note_exchange();
  origin().give_back(std::move(lease));
  lease = origin().try_take(Freshness::any);
  ASSERT_TRUE(lease);
  lease->note_exchange();
  origin().give_back(std::move(lease));
  EXPECT_EQ(open(), 0u);
}

TEST_F(ConnectionPoolTest, DropsAnIdleOneThatEndsOrSpeaks) {
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
    EXPECT_FALSE(origin().try_take(Freshness::any));
  }
}

// The event has not been seen yet: the last look counts.
TEST_F(ConnectionPoolTest, GivesNobodyAConnectionThatHasJustEnded) {
  start();
  give_back(take(origin()));
  upstream_.accepted.back().close_write();
  EXPECT_FALSE(origin().try_take(Freshness::recent));
  EXPECT_EQ(idle(), 0u);
}

TEST_F(ConnectionPoolTest, KeepsSoManyOverAllOriginsAndClosesTheOldestOfTheLargest) {
  Transport::Options options;
  options.pool_size = 3;
  start(options);
  std::vector<Lease> of_a;
  for (int i = 0; i < 3; ++i)
    of_a.push_back(take(origin("http://a")));
  Lease of_b = take(origin("http://b"));
  const Connection* const oldest = of_a.front().get();
  for (Lease& each : of_a)
    give_back(std::move(each));
  give_back(std::move(of_b));
  EXPECT_EQ(idle(), 3u);
  EXPECT_EQ(origin("http://a").idle(), 2u);
  EXPECT_EQ(origin("http://b").idle(), 1u);
  for (Lease each = origin("http://a").try_take(Freshness::any); each;
       each = origin("http://a").try_take(Freshness::any)) {
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

TEST_F(ConnectionPoolTest, LeavesNothingBehind) {
  start();
  Lease leased = take(origin());
  give_back(take(origin()));
  EXPECT_EQ(open(), 2u);
  EXPECT_EQ(idle(), 1u);
  leased.reset();
  pool_.reset();
  EXPECT_EQ(open(), 0u);
  EXPECT_EQ(idle(), 0u);
}

// --- waiting -----------------------------------------------------------------------------------

TEST_F(ConnectionPoolTest, GivesWhoeverWaitsTheFirstThatIsThere) {
  start();
  Lease used = take(origin());
  upstream_.answers = false;
  Taking waiting = begin(origin());
  settle();
  EXPECT_EQ(upstream_.under_way, 1);
  const Connection* const given = used.get();
  give_back(std::move(used));
  settle();
  EXPECT_EQ(lease_of(waiting).get(), given);
  // The one that was being made meanwhile is kept for the next.
  upstream_.answers = true;
  advance(20ms);
  EXPECT_EQ(idle(), 1u);
  EXPECT_EQ(shared_->statistics().dialled, 2u);
}

TEST_F(ConnectionPoolTest, GivesWhoWantsAFreshOneNoOther) {
  start();
  Lease used = take(origin());
  upstream_.answers = false;
  Taking waiting = begin(origin(), Freshness::fresh);
  give_back(std::move(used));
  settle();
  EXPECT_FALSE(waiting.done());
  upstream_.answers = true;
  advance(20ms);
  const Lease given = lease_of(waiting);
  ASSERT_TRUE(given);
  EXPECT_FALSE(given->is_reused());
}

TEST_F(ConnectionPoolTest, ServesThoseWhoWaitInTheirOrder) {
  Transport::Options options;
  options.max_connections = 1;
  start(options);
  Lease only = take(origin());
  const Connection* const connection = only.get();
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

TEST_F(ConnectionPoolTest, TellsOneWaiterForEachDialThatFails) {
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

// It was told of a failure that was not its own, beside a dial that went well.
TEST_F(ConnectionPoolTest, ADialThatFailsIsNobodysWhenEachWhoWaitsHasAnother) {
  start();
  Lease used = take(origin());
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

TEST_F(ConnectionPoolTest, KeepsTheConnectionOfARequestThatWasGivenUp) {
  start();
  upstream_.answers = false;
  {
    Taking given_up = begin(origin());
    settle();
  }
  upstream_.answers = true;
  advance(20ms);
  EXPECT_EQ(idle(), 1u);
  EXPECT_TRUE(origin().try_take(Freshness::any));
}

// --- origins that nobody needs -----------------------------------------------------------------

// A hook may take the host from the request: they were kept as long as the process ran.
TEST_F(ConnectionPoolTest, ForgetsAnOriginThatNothingIsLeftOf) {
  start();
  for (int i = 0; i < 100; ++i)
    take(origin("http://host-" + std::to_string(i)));  // closed, not given back
  EXPECT_EQ(pool_->origins(), 100u);
  advance(2s);
  EXPECT_EQ(pool_->origins(), 0u);
  EXPECT_EQ(shared_->origins.size(), 0u);
  EXPECT_TRUE(take(origin("http://host-99")));
}

TEST_F(ConnectionPoolTest, KeepsAnOriginAsLongAsItIsNeeded) {
  Transport::Options options;
  options.max_connections = 1;
  options.queue_timeout = 1min;
  options.pool_idle_timeout = 4s;
  start(options);
  OriginPool& kept = origin();
  upstream_.answers = false;
  Taking first = begin(kept);
  Taking second = begin(kept);
  advance(30s);  // one that is being made, and who waits for a slot
  upstream_.answers = true;
  advance(20ms);
  Lease lease = lease_of(first);
  advance(10s);
  give_back(std::move(lease));
  settle();
  lease = lease_of(second);
  advance(10s);  // one that is in use
  give_back(std::move(lease));
  advance(3s);  // one that is idle
  EXPECT_EQ(&origin(), &kept);
  EXPECT_EQ(idle(), 1u);
  advance(4s);
  EXPECT_EQ(pool_->origins(), 0u);
}

TEST_F(ConnectionPoolTest, LateAnswersOfOtherThreadsFindNoOrigin) {
  start();
  take(origin());
  advance(2s);
  pool_->end_asking("http|a|80", nullptr);
  EXPECT_EQ(pool_->origins(), 0u);
}

// --- connections of other threads --------------------------------------------------------------

class HandedOverTest : public ConnectionPoolTest {
 protected:
  HandedOverTest() { start(); }

  // Another thread gives away what has been idle for so long.
  void hand_over(io::Duration idle_for, bool has_ended = false) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    far_end_ = io::FileDescriptor(ends[1]);
    if (has_ended) far_end_.reset();
    auto handover = std::make_unique<Handover>(io::FileDescriptor(ends[0]),
                                               *shared_->try_slot(shared_->origin("http|a|80")),
                                               "a", pool_->new_retirement());
    handover->exchanges = 1;
    handover->idle_since = reactor_.now() - idle_for;
    handover->expires = handover->idle_since + 4s;
    origin().end_asking(std::move(handover));
    settle();
  }
  // A request that waits for a connection which is being made.
  Taking begin_to_wait(Freshness freshness) {
    upstream_.answers = false;
    return begin(origin(), freshness);
  }

  io::FileDescriptor far_end_;
};

// It was given to whoever waited, a POST for example, however long it had been idle.
TEST_F(HandedOverTest, OneThatIdledForLongIsForThoseWhoMayHaveIt) {
  Taking post = begin_to_wait(Freshness::recent);
  hand_over(1100ms);
  EXPECT_FALSE(post.done());
  EXPECT_EQ(idle(), 1u);
  hand_over(900ms);
  EXPECT_TRUE(lease_of(post));
  Taking get = begin_to_wait(Freshness::any);
  hand_over(3900ms);
  EXPECT_TRUE(lease_of(get));
}

// It was as good as new in its second pool.
TEST_F(HandedOverTest, OneThatNobodyTakesIsAsOldAsItWas) {
  hand_over(3s);
  EXPECT_EQ(idle(), 1u);
  EXPECT_FALSE(origin().try_take(Freshness::recent));
  advance(1300ms);
  EXPECT_EQ(idle(), 0u);
}

TEST_F(HandedOverTest, OneThatIsOlderDoesNotHideThoseOfThisThread) {
  give_back(take(origin()));
  hand_over(3s);
  EXPECT_EQ(idle(), 2u);
  EXPECT_TRUE(origin().try_take(Freshness::recent));
}

TEST_F(HandedOverTest, OneThatHasEndedOnItsWayIsNobodys) {
  Taking get = begin_to_wait(Freshness::any);
  hand_over(100ms, true);
  EXPECT_FALSE(get.done());
  upstream_.answers = true;
  advance(20ms);
  EXPECT_TRUE(lease_of(get));
  EXPECT_EQ(open(), 0u);
}

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

TEST_F(LimitedPoolTest, WaitsSoLongForASlot) {
  const Lease one = take(origin());
  const Lease two = take(origin());
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

// It was closed whenever a connection was being made, far below the limit, too.
TEST_F(ConnectionPoolTest, BelowTheLimitNoneIsClosedForARequestThatHasASlot) {
  Transport::Options options;
  options.max_connections = 3;
  start(options);
  Lease used = take(origin());
  upstream_.answers = false;
  const Taking elsewhere = begin(origin(), Freshness::fresh);
  settle();
  EXPECT_EQ(upstream_.under_way, 1);
  give_back(std::move(used));
  EXPECT_EQ(idle(), 1u);
}

TEST_F(LimitedPoolTest, CountsEachOriginByItself) {
  const Lease one = take(origin("http://a"));
  const Lease two = take(origin("http://a"));
  EXPECT_TRUE(take(origin("http://b")));
}

TEST_F(LimitedPoolTest, MakesANewOneForASlotThatCameFree) {
  Lease one = take(origin());
  const Lease two = take(origin());
  Taking third = begin(origin());
  settle();
  one.reset();  // broken: not given back
  settle();
  const Lease given = lease_of(third);
  ASSERT_TRUE(given);
  EXPECT_FALSE(given->is_reused());
  EXPECT_EQ(upstream_.dials, 3);
}

TEST_F(LimitedPoolTest, GivesTheSlotOfAFailedDialToTheNext) {
  const Lease one = take(origin());
  upstream_.answers = false;
  Taking second = begin(origin());
  Taking third = begin(origin());
  settle();
  EXPECT_EQ(upstream_.dials, 2);
  upstream_.refuses = true;
  upstream_.answers = true;
  // The refusal is for the first who waits; what the slot brings next is for the other.
  advance(10ms);
  upstream_.refuses = false;
  settle();
  EXPECT_TRUE(error_of(second));
  advance(20ms);
  ASSERT_TRUE(third.done());
}

// It waited for queue_timeout beside idle connections.
TEST_F(LimitedPoolTest, IdleConnectionsThatWillNotDoGiveWay) {
  {
    Lease one = take(origin());
    Lease two = take(origin());
    give_back(std::move(one));
    give_back(std::move(two));
  }
  advance(2s);
  EXPECT_EQ(idle(), 2u);
  const Lease recent = take(origin(), Freshness::recent);
  ASSERT_TRUE(recent);
  EXPECT_FALSE(recent->is_reused());
  EXPECT_EQ(idle(), 1u);
}

// It was closed, and whoever else waited got a new one.
TEST_F(LimitedPoolTest, AConnectionThatCameForARequestThatJustLeftIsTheNexts) {
  Lease one = take(origin());
  Connection* const given_back = one.get();
  const Lease two = take(origin());
  auto left = std::make_unique<Taking>(begin(origin()));
  Taking next = begin(origin());
  settle();
  give_back(std::move(one));
  ASSERT_FALSE(left->done());  // it is to run in the next pass
  left.reset();
  settle();
  EXPECT_EQ(lease_of(next).get(), given_back);
  EXPECT_EQ(upstream_.dials, 2);
}

TEST_F(LimitedPoolTest, HoldsNoSlotForARequestThatHasLeft) {
  const Lease one = take(origin());
  {
    const Lease two = take(origin());
    Taking given_up = begin(origin());
    settle();
  }
  settle();
  EXPECT_TRUE(take(origin()));
}

// --- slots of other threads --------------------------------------------------------------------

// A second pool, on an event loop of its own.
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
  OriginPool& other_origin() { return other_->origin(Url::parse("http://a").value()); }
  Taking begin_elsewhere() {
    const io::Reactor::Enter enter(other_reactor_);
    return begin(other_origin());
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

// Each counted by itself what both may have together.
TEST_F(TwoPoolsTest, AnOriginThatOneThreadForgetsIsStillShared) {
  const Lease here = take(origin());
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
    Lease here = take(origin());
    Taking waiting = begin_elsewhere();
    settle_both();
    EXPECT_FALSE(waiting.done());
    closes ? here.reset() : give_back(std::move(here));
    settle_both();
    EXPECT_TRUE(lease_of(waiting)) << closes;
  }
}

// The same with a thread that sleeps in its event loop.
TEST_F(ConnectionPoolTest, WakesAThreadThatWaitsForASlot) {
  Transport::Options options;
  options.max_connections = 1;
  options.queue_timeout = 5min;
  start(options);
  Lease here = take(origin());
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
