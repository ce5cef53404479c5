// SPDX-License-Identifier: Apache-2.0
#include "transport/origin.hpp"

#include "support/bodies.hpp"
#include "support/h2_frames.hpp"
#include "support/h2_upstream_test.hpp"
#include "support/stream_pair.hpp"
#include "transport/connection_pool.hpp"
#include "transport/h2_exchange.hpp"
#include "transport/round_trip.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::transport {
namespace {

using h2_frames::frame;

constexpr std::size_t kMebi = std::size_t{1024} * 1024;
constexpr std::size_t kCapacity = 2 * kMebi;

struct DialledUpstream {
  std::deque<test::FarEnd> accepted;
  std::string greeting;  // what the upstream sends at once
  int dials = 0;
  bool refuses = false;
};

// Completes at once.
class MemoryDialer final : public net::Dialer {
 public:
  MemoryDialer(io::Reactor& reactor, DialledUpstream& upstream)
      : reactor_(reactor), upstream_(upstream) {}
  task<Result<net::Dialled>> dial(const net::Destination& destination) override {
    ++upstream_.dials;
    if (upstream_.refuses) {
      co_return failure(Error::system(ECONNREFUSED, Side::upstream).during(Phase::connect));
    }
    auto [near, far] = net::make_memory_pair(reactor_, kCapacity);
    upstream_.accepted.emplace_back(std::move(far));
    upstream_.accepted.back().send(upstream_.greeting);
    co_return net::Dialled(std::move(near), destination.host);
  }

 private:
  io::Reactor& reactor_;
  DialledUpstream& upstream_;
};

class OriginTest : public test::StreamPair {
 protected:
  using Exchanges = std::vector<std::unique_ptr<H2Exchange>>;

  void start(const Transport::Options& options = {}) {
    pool_ = std::make_unique<ConnectionPool>(reactor_, std::make_shared<SharedPools>(options),
                                             std::make_unique<MemoryDialer>(reactor_, upstream_));
  }
  static Request request() {
    return Request(Method::get, Url::parse("h2c://a/").value(), Headers({{"Host", "a"}}));
  }
  static std::string allow(std::uint32_t streams) {
    return frame(h2_frames::settings, 0, 0,
                 h2_frames::number(3, 2) + h2_frames::number(streams, 4));
  }
  Origin& origin() { return pool_->origin(request().url()); }
  static Need http1() {
    Need need;
    need.http1_only = true;
    return need;
  }
  // Returns a new connection to an upstream that allows `max_streams` streams.
  H2Connection* connect(std::uint32_t max_streams) {
    auto taking = origin().lease(Need(), reactor_.now());
    taking.start();
    settle();
    if (!taking.done()) return nullptr;
    upstream_.accepted.back().send(allow(max_streams));
    settle();
    return &taking.take().value().h2();
  }
  static std::unique_ptr<H2Exchange> begin(H2Connection& connection) {
    Request asked = request();
    auto exchange = std::make_unique<H2Exchange>(connection, asked);
    exchange->begin(asked, nullptr);
    return exchange;
  }
  static Exchanges begin(H2Connection& connection, int count) {
    Exchanges all;
    for (int i = 0; i < count; ++i)
      all.push_back(begin(connection));
    return all;
  }

  // Sends unknown frames, of exactly as many bytes as a connection reads before it yields.
  void send_one_turn() {
    std::string turn;
    while (turn.size() + 2 * 16393 < kMebi)
      turn += frame(0x7f, 0, 0, std::string(16384, 'x'));
    while (turn.size() < kMebi) {
      const std::size_t left = std::min(kMebi - turn.size() - 9, std::size_t{16000});
      turn += frame(0x7f, 0, 0, std::string(left, 'x'));
    }
    ASSERT_EQ(turn.size(), kMebi);
    ASSERT_EQ(upstream_.accepted.back().send(turn), turn.size());
  }

  DialledUpstream upstream_;
  std::unique_ptr<ConnectionPool> pool_;
};

// --- which connection --------------------------------------------------------------------------

struct Load {
  int first;
  int second;
  int chosen;  // 0: none of them
};
void PrintTo(const Load& load, std::ostream* out) {
  *out << load.first << " and " << load.second;
}

class OriginChoice : public OriginTest, public ::testing::WithParamInterface<Load> {};

TEST_P(OriginChoice, ChoosesBetweenTwoLoadedConnections) {
  Transport::Options options;
  options.max_connections = 2;
  start(options);
  H2Connection* const first = connect(8);
  ASSERT_TRUE(first);
  H2Connection* second = nullptr;
  {
    const Exchanges all = begin(*first, 8);
    second = connect(8);
  }
  settle();  // cancelled streams count until then
  ASSERT_TRUE(second && second != first);
  const Exchanges on_first = begin(*first, GetParam().first);
  const Exchanges on_second = begin(*second, GetParam().second);
  const H2Connection* const expected[] = {nullptr, first, second};
  const auto lease = origin().try_lease(Need());
  EXPECT_EQ(lease ? &lease->h2() : nullptr, expected[GetParam().chosen]);
}

INSTANTIATE_TEST_SUITE_P(
    TheFullestOfThoseThatAreNotBusy,
    OriginChoice,
    ::testing::Values(Load{2, 3, 2}, Load{3, 2, 1}, Load{0, 5, 2}, Load{5, 0, 1}));
INSTANTIATE_TEST_SUITE_P(
    OneThatIsNotBusy,
    OriginChoice,
    ::testing::Values(Load{6, 5, 2}, Load{5, 6, 1}, Load{7, 0, 2}, Load{0, 7, 1}));
INSTANTIATE_TEST_SUITE_P(TheEmptiestOfTheBusyOnes,
                         OriginChoice,
                         ::testing::Values(Load{7, 6, 2}, Load{6, 7, 1}));
INSTANTIATE_TEST_SUITE_P(
    NoneThatIsFull,
    OriginChoice,
    ::testing::Values(Load{8, 7, 2}, Load{7, 8, 1}, Load{8, 0, 2}, Load{8, 8, 0}));

// --- requests that wait ------------------------------------------------------------------------

// Regression: the next request was not woken, and waited until queue_timeout although a connection
// had room.
TEST_F(OriginTest, ACancelledRequestLeavesFreedRoomToTheNext) {
  Transport::Options options;
  options.max_connections = 1;
  start(options);
  H2Connection* const connection = connect(1);
  ASSERT_TRUE(connection);
  auto served = begin(*connection);
  auto cancelled = origin().lease(Need(), reactor_.now());
  cancelled.start();
  auto next = origin().lease(Need(), reactor_.now());
  next.start();
  settle();
  served.reset();
  reactor_.run_once({});  // after this flush, the connection reports that it has room
  reactor_.run_once({});  // the first request is woken
  cancelled = {};
  settle();
  ASSERT_TRUE(next.done());
  EXPECT_EQ(&next.take().value().h2(), connection);
}

TEST_F(OriginTest, AnIdleHttp1ConnectionGivesWay) {
  Transport::Options options;
  options.max_connections = 1;
  start(options);
  auto taking = origin().lease(http1(), reactor_.now());
  taking.start();
  settle();
  ASSERT_TRUE(taking.done());
  taking = {};  // which returns the connection
  ASSERT_EQ(origin().idle(), 1u);
  EXPECT_TRUE(connect(1));
}

// Regression: a connection that was full or had got a GOAWAY prevented it, and the request waited
// until queue_timeout.
TEST_F(OriginTest, AnIdleHttp1ConnectionGivesWayBesideAConnectionWithoutRoom) {
  Transport::Options options;
  options.max_connections = 2;
  start(options);
  H2Connection* const full = connect(1);
  ASSERT_TRUE(full);
  const auto served = begin(*full);
  auto taking = origin().lease(http1(), reactor_.now());
  taking.start();
  settle();
  ASSERT_TRUE(taking.done());
  taking = {};  // which returns the connection
  ASSERT_EQ(origin().idle(), 1u);
  H2Connection* const another = connect(1);
  EXPECT_TRUE(another);
  EXPECT_NE(another, full);
  EXPECT_EQ(origin().idle(), 0u);
}

TEST_F(OriginTest, AnIdleConnectionGivesWayToAnHttp1Request) {
  Transport::Options options;
  options.max_connections = 1;
  start(options);
  ASSERT_TRUE(connect(1));
  auto taking = origin().lease(http1(), reactor_.now());
  taking.start();
  settle();
  ASSERT_TRUE(taking.done());
  EXPECT_TRUE(taking.take());
}

// Regression: one request dialled in a loop, and waited without end.
TEST_F(OriginTest, AnUpstreamThatAllowsNoStreamsIsNotRedialledInALoop) {
  start();
  upstream_.greeting = allow(0);
  auto served = origin().lease(Need(), reactor_.now());
  served.start();
  for (int pass = 0; pass < 100; ++pass)
    reactor_.run_once({});
  ASSERT_EQ(upstream_.accepted.size(), 1u);
  EXPECT_FALSE(served.done());
  upstream_.accepted.back().send(allow(1));
  settle();
  ASSERT_TRUE(served.done());
  EXPECT_TRUE(served.take().value().is_shared());
}

TEST_F(OriginTest, ARequestTimesOutIfTheUpstreamOnlySendsGoaway) {
  Transport::Options options;
  options.queue_timeout = std::chrono::seconds(5);
  start(options);
  upstream_.greeting = allow(100) + frame(h2_frames::goaway, 0, 0, std::string(8, '\0'));
  auto asking = origin().lease(Need(), reactor_.now());
  asking.start();
  for (int pass = 0; pass < 100; ++pass)
    reactor_.run_once({});
  ASSERT_LE(upstream_.accepted.size(), 2u);
  advance(std::chrono::milliseconds(4900));
  EXPECT_FALSE(asking.done());
  EXPECT_LE(upstream_.accepted.size(), 100u);
  advance(std::chrono::milliseconds(200));
  ASSERT_TRUE(asking.done());
  const auto taken = asking.take();
  ASSERT_FALSE(taken);
  EXPECT_TRUE(taken.error().is(Errc::no_connection_slot));
}

// --- dials that fail ---------------------------------------------------------------------------

bool is_refused(const Result<Lease>& taken) {
  return !taken && taken.error().code() == std::error_code(ECONNREFUSED, std::system_category());
}

// Regression: the error was lost, and the request waited for a free slot.
TEST_F(OriginTest, AnImmediateDialFailureIsNotRepeated) {
  start();
  upstream_.refuses = true;
  auto asking = origin().lease(Need(), reactor_.now());
  asking.start();
  ASSERT_TRUE(asking.done());
  EXPECT_TRUE(is_refused(asking.take()));
  EXPECT_EQ(upstream_.dials, 1);
}

class FullConnectionTest : public OriginTest {
 protected:
  // A request waits for a full connection, and no other connection can be made.
  void SetUp() override {
    Transport::Options options;
    options.queue_timeout = std::chrono::seconds(5);
    start(options);
    connection_ = connect(1);
    ASSERT_TRUE(connection_);
    served_ = begin(*connection_);
    upstream_.refuses = true;
    waiting_ = origin().lease(Need(), reactor_.now());
    waiting_.start();
    advance(std::chrono::seconds(1));
    ASSERT_FALSE(waiting_.done());
  }

  H2Connection* connection_ = nullptr;
  std::unique_ptr<H2Exchange> served_;
  task<Result<Lease>> waiting_;
};

// Regression: the request failed, although the connection would soon have had room.
TEST_F(FullConnectionTest, IsWaitedForIfDialsFail) {
  EXPECT_LE(upstream_.dials, 2 + 10);
  served_.reset();
  settle();
  ASSERT_TRUE(waiting_.done());
  EXPECT_EQ(&waiting_.take().value().h2(), connection_);
}

TEST_F(FullConnectionTest, IsNotWaitedForPastQueueTimeout) {
  advance(std::chrono::milliseconds(3900));
  EXPECT_FALSE(waiting_.done());
  advance(std::chrono::milliseconds(200));
  ASSERT_TRUE(waiting_.done());
  const auto taken = waiting_.take();
  ASSERT_FALSE(taken);
  EXPECT_TRUE(taken.error().is(Errc::no_connection_slot));
}

TEST_F(FullConnectionTest, IsNotWaitedForWhenItIsLost) {
  upstream_.accepted.back().close();
  advance(std::chrono::milliseconds(200));
  ASSERT_TRUE(waiting_.done());
  EXPECT_TRUE(is_refused(waiting_.take()));
}

TEST_F(FullConnectionTest, IsWaitedForUntilADialSucceeds) {
  upstream_.refuses = false;
  advance(std::chrono::milliseconds(200));
  ASSERT_TRUE(waiting_.done());
  EXPECT_NE(&waiting_.take().value().h2(), connection_);
}

// --- unused origins ----------------------------------------------------------------------------

TEST_F(OriginTest, IsForgottenWhenItsConnectionsAreGone) {
  start();
  ASSERT_TRUE(connect(1));
  upstream_.accepted.back().close();
  advance(std::chrono::seconds(2));
  EXPECT_EQ(pool_->origins(), 0u);
  EXPECT_TRUE(connect(1));
}

TEST_F(OriginTest, IsKeptAsLongAsItHasARequestOrAConnection) {
  start();
  H2Connection* const connection = connect(1);
  ASSERT_TRUE(connection);
  Origin& kept = origin();
  auto served = begin(*connection);
  auto waiting = kept.lease(Need(), reactor_.now());
  waiting.start();
  upstream_.refuses = true;
  advance(std::chrono::seconds(4));
  EXPECT_EQ(&origin(), &kept);
  served.reset();
  settle();
  ASSERT_TRUE(waiting.done());
  advance(std::chrono::seconds(3));  // the origin is idle
  EXPECT_EQ(&origin(), &kept);
  const auto lease = origin().try_lease(Need());
  ASSERT_TRUE(lease);
  EXPECT_EQ(&lease->h2(), connection);
}

TEST_F(OriginTest, IsKeptWhileItsUpstreamIsKnownToSpeakHttp1) {
  start();
  const Url url = Url::parse("https://a/").value();
  pool_->origin(url).use_http1();
  advance(std::chrono::minutes(4));
  EXPECT_FALSE(pool_->origin(url).speaks_http2());
  advance(std::chrono::minutes(1) + std::chrono::seconds(1));
  EXPECT_EQ(pool_->origins(), 0u);
}

// --- the end of a connection -------------------------------------------------------------------

// Regression: only a connection in use was checked, so that an old one took one more request.
TEST_F(OriginTest, AnIdleConnectionEndsAtItsMaximumAge) {
  Transport::Options options;
  options.pool_idle_timeout = std::chrono::minutes(1);
  options.max_connection_age = std::chrono::seconds(10);
  start(options);
  H2Connection* const connection = connect(100);
  ASSERT_TRUE(connection);
  begin(*connection).reset();
  advance(std::chrono::milliseconds(8900));
  EXPECT_EQ(pool_->context().counters().open.value(), 1u);
  advance(std::chrono::milliseconds(1200));
  EXPECT_EQ(pool_->context().counters().open.value(), 0u);
}

// Regression: the connection stayed open, with its slot, until the upstream closed it.
TEST_F(OriginTest, ARetiredConnectionEndsEvenIfItsLastRequestEndsWhileItYields) {
  start();
  H2Connection* const connection = connect(100);
  ASSERT_TRUE(connection);
  auto last = begin(*connection);
  settle();
  connection->retire();
  settle();
  send_one_turn();
  io::Wakeup client_leaves(
      [](void* exchange) { static_cast<std::unique_ptr<H2Exchange>*>(exchange)->reset(); }, &last);
  reactor_.schedule(client_leaves);
  settle();
  ASSERT_FALSE(last);
  upstream_.accepted.back().receive();
  EXPECT_EQ(upstream_.accepted.back().ending(), "end");
  EXPECT_EQ(pool_->context().counters().open.value(), 0u);
}

// Regression: the connection, which took no requests, stayed open until the upstream closed it.
TEST_F(OriginTest, AConnectionEndsEvenIfItsPingExpiresWhileItYields) {
  start();
  H2Connection* const connection = connect(100);
  ASSERT_TRUE(connection);
  const auto waiting = begin(*connection);
  settle();
  connection->suspect();
  advance(std::chrono::seconds(14));
  EXPECT_EQ(pool_->context().counters().open.value(), 1u);
  send_one_turn();
  reactor_.run_once({});
  reactor_.set_time(reactor_.now() + std::chrono::seconds(3));
  settle();
  EXPECT_EQ(pool_->context().counters().open.value(), 0u);
}

// --- what may be sent again --------------------------------------------------------------------

// Regression: the data after the failure was sent, and the second request looked complete.
TEST_F(OriginTest, AFailedBodyIsNotResent) {
  start();
  H2Connection* const connection = connect(100);
  ASSERT_TRUE(connection);
  upstream_.accepted.back().receive();
  Request asked = request();
  asked.set_body(
      Body::from(std::make_unique<test::FailsOnce>(Error(Errc::closed, Side::upstream))));
  const OnePool pools(*pool_);
  auto asking = round_trip(pools, std::move(asked));
  asking.start();
  settle();
  ASSERT_TRUE(asking.done());
  const auto answered = asking.take();
  ASSERT_FALSE(answered);
  EXPECT_TRUE(answered.error().is(Errc::closed));
  // The first attempt was given up before any of it was sent.
  std::string data = upstream_.accepted.back().receive();
  for (const auto& each : h2_frames::take_frames(data))
    EXPECT_NE(each.type, h2_frames::headers);
}

// Regression: the piece that was being read was lost, and the second request looked complete.
TEST_F(OriginTest, ABodyWhoseSourceIsBeingReadIsNotResent) {
  start();
  ASSERT_TRUE(connect(100));
  Request asked = request();
  asked.set_method(Method::put);
  auto source = test::pieces({"one", "two"});
  source->pause_ = std::chrono::seconds(1);
  asked.set_body(Body::from(std::move(source)));
  const OnePool pools(*pool_);
  auto asking = round_trip(pools, std::move(asked));
  asking.start();
  advance(std::chrono::milliseconds(1500));
  upstream_.accepted.back().close();
  advance(std::chrono::seconds(5));
  ASSERT_TRUE(asking.done());
  EXPECT_FALSE(asking.take());
  EXPECT_EQ(upstream_.accepted.size(), 1u);
}

// --- numbers of streams ------------------------------------------------------------------------

// Regression: all later requests on such a connection failed.
TEST_F(OriginTest, AConnectionOutOfStreamIdsIsReplaced) {
  start();
  H2Connection* const old = connect(100);
  ASSERT_TRUE(old);
  old->session().number_next_stream(0x7fff'ffff);
  const auto last = begin(*old);
  Request asked = request();
  const OnePool pools(*pool_);
  auto asking = round_trip(pools, std::move(asked));
  asking.start();
  settle();
  ASSERT_EQ(upstream_.accepted.size(), 2u);
  EXPECT_FALSE(old->takes_requests());
  upstream_.accepted.back().send(frame(h2_frames::settings, 0, 0) +
                                 frame(h2_frames::headers,
                                       h2_frames::kEndHeaders | h2_frames::kEndStream, 1,
                                       h2_frames::block({{":status", "204"}})));
  settle();
  ASSERT_TRUE(asking.done());
  const auto answered = asking.take();
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->status(), Status::no_content);
}

}  // namespace
}  // namespace onehop::transport
