// SPDX-License-Identifier: Apache-2.0
//
// How much of a failed request the upstream may have processed, and whether the request is sent
// again: over both versions, with TLS and without.
#include "transport/resend.hpp"

#include <onehop/scope.hpp>

#include "base/promised_memory.hpp"
#include "support/h2_frames.hpp"
#include "support/h2_upstream_test.hpp"
#include "support/stream_pair.hpp"
#include "support/tls_stream_pair.hpp"
#include "transport/connection_pool.hpp"
#include "transport/h1_exchange.hpp"
#include "transport/h2_connection.hpp"

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace onehop::transport {
namespace {

using namespace std::chrono_literals;

// --- HTTP/1 ------------------------------------------------------------------------------------

// A POST on a connection whose other end the test holds. The clock stands still, and the test
// decides when the event loop runs.
class H1Delivery : public test::TlsStreamPair, public ::testing::WithParamInterface<bool> {
 protected:
  H1Delivery() : enter_(reactor_) {
    pool_ = std::make_unique<ConnectionPool>(
        reactor_, std::make_shared<SharedPools>(Transport::Options()), nullptr);
  }
  ~H1Delivery() override {
    exchange_.reset();
    pool_.reset();
  }
  bool with_tls() const { return GetParam(); }

  enum class Room : std::uint8_t { none, plenty };
  void begin(Room room = Room::plenty) {
    std::unique_ptr<net::Stream> stream;
    if (with_tls()) {
      connect();
      stream = std::move(client_);
    } else {
      join();
      stream = std::move(near_);
    }
    if (room == Room::none) fill();
    Origin& origin = pool_->origin(request_.url());
    auto slot =
        pool_->context().shared().try_slot(pool_->context().shared().origin("http|peer|80"));
    exchange_ = std::make_unique<H1Exchange>(
        std::make_unique<H1Connection>(origin, std::move(*slot), std::move(stream), "peer"));
  }
  // Fills the connection, so that nothing can be written until drain().
  void fill() {
    const std::string data(100'000, 'x');
    EXPECT_TRUE(near_raw_->try_write(data.data(), data.size()).has_bytes());
    EXPECT_EQ(near_raw_->try_write(data.data(), data.size()), net::IoResult::must_wait());
  }
  void drain() {
    std::string data(100'000, ' ');
    EXPECT_TRUE(far_raw_->try_read(data.data(), data.size()).has_bytes());
    EXPECT_EQ(far_raw_->try_read(data.data(), data.size()), net::IoResult::must_wait());
  }
  void send() { exchange_->begin(request_, nullptr); }
  void reset_by_peer() {
    far_raw_->abort();
    server_.reset();
    far_.reset();
  }
  Error error() {
    const auto response = exchange_->try_response(request_);
    EXPECT_TRUE(response && !*response);
    return response && !*response ? response->error() : Error(Errc::cancelled, Side::local);
  }

  const io::Reactor::Enter enter_;
  Request request_{Method::post, Url::parse("http://peer/").value(), Headers({{"Host", "peer"}}),
                   Body::of("content")};
  std::unique_ptr<ConnectionPool> pool_;
  std::unique_ptr<H1Exchange> exchange_;
};

// Regression: with TLS the request counted as unsent, because only a part of the record was
// written.
TEST_P(H1Delivery, IsUncertainOnceTheFirstBytesAreSent) {
  begin();
  near_raw_->set_max_write(10);
  send();
  EXPECT_EQ(exchange_->delivery(), Delivery::uncertain);
  reset_by_peer();
  EXPECT_FALSE(error().retry_safe());
  EXPECT_EQ(exchange_->delivery(), Delivery::uncertain);
}

TEST_P(H1Delivery, IsUnsentIfNothingWasWritten) {
  begin(Room::none);
  send();
  EXPECT_EQ(exchange_->delivery(), Delivery::unsent);
  reset_by_peer();
  EXPECT_TRUE(error().retry_safe());
}

TEST_P(H1Delivery, IsUnsentIfTheConnectionHadAlreadyFailed) {
  begin();
  reset_by_peer();
  send();
  EXPECT_EQ(exchange_->delivery(), Delivery::unsent);
  EXPECT_TRUE(error().retry_safe());
}

// Regression: TLS had kept the request, and sent it with its close_notify.
TEST_P(H1Delivery, AnUnsentRequestIsNotSentLater) {
  begin(Room::none);
  send();
  far_raw_->close_write();
  EXPECT_TRUE(error().retry_safe());
  drain();
  exchange_.reset();
  char data[1000];
  EXPECT_EQ(far_raw_->try_read(data, sizeof data), net::IoResult::failed(ECONNRESET));
}

INSTANTIATE_TEST_SUITE_P(WithoutTls, H1Delivery, ::testing::Values(false));
INSTANTIATE_TEST_SUITE_P(WithTls, H1Delivery, ::testing::Values(true));

// --- HTTP/2 ------------------------------------------------------------------------------------

using h2_frames::frame;

// Completes at once.
class H2Dialer final : public net::Dialer {
 public:
  H2Dialer(io::Reactor& reactor, std::deque<test::FarEnd>& accepted)
      : reactor_(reactor), accepted_(accepted) {}
  task<Result<net::Dialled>> dial(const net::Destination& destination) override {
    auto [near, far] = net::make_memory_pair(reactor_);
    accepted_.emplace_back(std::move(far));
    accepted_.back().send(frame(h2_frames::settings, 0, 0));
    co_return net::Dialled(std::move(near), destination.host);
  }

 private:
  io::Reactor& reactor_;
  std::deque<test::FarEnd>& accepted_;
};

std::string goaway(std::uint32_t last) {
  return frame(h2_frames::goaway, 0, 0, h2_frames::number(last, 4) + h2_frames::number(0, 4));
}
std::string reset(std::uint32_t stream, std::uint32_t code) {
  return frame(h2_frames::rst_stream, 0, stream, h2_frames::number(code, 4));
}
std::string answer(std::uint32_t stream) {
  return frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream, stream,
               h2_frames::block({{":status", "200"}}));
}

class H2Resend : public test::StreamPair {
 protected:
  using Trip = task<int>;

  H2Resend() { start(Transport::Options()); }
  void start(const Transport::Options& options) {
    pool_ = std::make_unique<ConnectionPool>(reactor_, std::make_shared<SharedPools>(options),
                                             std::make_unique<H2Dialer>(reactor_, accepted_));
  }

  // Returns the status, or 0 for an error.
  Trip trip(std::string content) {
    Request request(Method::post, Url::parse("h2c://a/").value(), Headers({{"Host", "a"}}),
                    Body::of(std::move(content)));
    const OnePool pools(*pool_);
    auto response = co_await round_trip(pools, std::move(request));
    if (!response) error_ = response.error();
    co_return response ? response->status().code() : 0;
  }
  Trip begin(std::string content = "content") {
    Trip trip = this->trip(std::move(content));
    trip.start();
    return trip;
  }
  // Returns how many requests have arrived on this connection since the last call.
  std::size_t heads(std::size_t connection) {
    received_.resize(accepted_.size());
    received_[connection] += accepted_[connection].receive();
    auto frames = h2_frames::take_frames(received_[connection]);
    return static_cast<std::size_t>(
        std::erase_if(frames, [](const auto& each) { return each.type == h2_frames::headers; }));
  }
  // Makes a connection that has served a request and is idle.
  void warm() {
    Trip first = begin();
    settle();
    ASSERT_EQ(heads(0), 1u);
    accepted_[0].send(answer(1));
    settle();
    ASSERT_TRUE(first.done());
    EXPECT_EQ(first.take(), 200);
  }
  // Expects that the request arrives on that connection, alone, and is served.
  void expect_served(Trip& trip, std::size_t connection) {
    settle();
    ASSERT_EQ(accepted_.size(), connection + 1);
    EXPECT_EQ(heads(connection), 1u);
    accepted_[connection].send(answer(1));
    settle();
    ASSERT_TRUE(trip.done());
    EXPECT_EQ(trip.take(), 200);
  }

  std::deque<test::FarEnd> accepted_;
  std::vector<std::string> received_;
  std::unique_ptr<ConnectionPool> pool_;
  std::optional<Error> error_;
};

// Regression: the response was a 502.
TEST_F(H2Resend, AfterAGoawayBeforeThePostWasSerialised) {
  warm();
  Trip post = begin();  // it is sent at the end of the pass
  accepted_[0].send(goaway(1));
  expect_served(post, 1);
  EXPECT_EQ(heads(0), 0u);
  EXPECT_EQ(pool_->context().counters().retried.value(), 1u);
}

// Regression: the last bytes of the connection contained the request.
TEST_F(H2Resend, AfterACloseBeforeThePostWasSerialised) {
  for (const bool in_order : {true, false}) {
    accepted_.clear();
    received_.clear();
    warm();
    Trip post = begin();
    if (in_order) {
      accepted_[0].close_write();
    } else {
      accepted_[0].reset();
    }
    settle();
    ASSERT_EQ(accepted_.size(), 2u) << in_order << (error_ ? error_->to_string() : "");
    if (in_order) {
      EXPECT_EQ(heads(0), 0u);
    }
    expect_served(post, 1);
    pool_->close_idle("h2c|a|80");
    settle();
  }
}

TEST_F(H2Resend, AfterAGoawayThatExcludesTheStream) {
  warm();
  Trip post = begin();
  settle();
  EXPECT_EQ(heads(0), 1u);
  accepted_[0].send(goaway(1));
  expect_served(post, 1);
}

// Regression: only the loss of the connection counted.
TEST_F(H2Resend, EvenIfTheConnectionEndsWithTheGoaway) {
  for (const std::string& last_words : {goaway(1), reset(3, 7)}) {
    accepted_.clear();
    received_.clear();
    warm();
    Trip post = begin();
    settle();
    EXPECT_EQ(heads(0), 1u);
    accepted_[0].send(last_words);
    accepted_[0].close();
    expect_served(post, 1);
    pool_->close_idle("h2c|a|80");
    settle();
  }
}

// Regression: there were three attempts, and the retry budget counted them.
TEST_F(H2Resend, AsOftenAsGoawaysExcludeTheStream) {
  Trip post = begin();
  for (std::size_t i = 0; i < 15; ++i) {
    settle();
    ASSERT_EQ(accepted_.size(), i + 1);
    EXPECT_EQ(heads(i), 1u);
    accepted_[i].send(goaway(0));
    settle();
  }
  expect_served(post, 15);
}

// Regression: pauses of seconds, although a backend that ends its connections like this works.
TEST_F(H2Resend, WithoutAPauseEvenIfHoldIsSet) {
  Transport::Options options;
  options.hold = std::chrono::seconds(20);
  start(options);
  Trip post = begin();
  for (std::size_t i = 0; i < 14; ++i) {
    settle();
    ASSERT_EQ(accepted_.size(), i + 1) << "time stands still";
    EXPECT_EQ(heads(i), 1u);
    accepted_[i].send(goaway(0));
    settle();
  }
  expect_served(post, 14);
}

TEST_F(H2Resend, WithPausesAfterManyGoaways) {
  Transport::Options options;
  options.hold = std::chrono::seconds(20);
  start(options);
  const Trip post = begin();
  for (std::size_t i = 0; i < 16; ++i) {
    settle();
    ASSERT_EQ(accepted_.size(), i + 1);
    accepted_[i].send(goaway(0));
    settle();
  }
  EXPECT_FALSE(post.done());
  EXPECT_EQ(accepted_.size(), 16u);
  advance(std::chrono::milliseconds(110));
  EXPECT_EQ(accepted_.size(), 17u);
}

// Regression: the response was a 504 although the upstream was not at fault.
TEST_F(H2Resend, ARequestNeverSentOnADeadConnection) {
  Trip large = begin(std::string(100'000, 'x'));  // it fills the connection
  settle();
  Trip post = begin();
  settle();
  ASSERT_EQ(accepted_.size(), 1u);
  for (int second = 0; second < 58 && accepted_.size() < 2; ++second)
    advance(std::chrono::seconds(1));
  ASSERT_TRUE(large.done());
  EXPECT_EQ(large.take(), 0);
  EXPECT_TRUE(error_ && error_->is(Errc::timed_out));
  expect_served(post, 1);
}

TEST_F(H2Resend, StopsAfterManyGoaways) {
  const Trip post = begin();
  for (std::size_t i = 0; i < 16; ++i) {
    settle();
    ASSERT_EQ(accepted_.size(), i + 1);
    accepted_[i].send(goaway(0));
    settle();
  }
  EXPECT_TRUE(post.done());
  EXPECT_EQ(accepted_.size(), 16u);
  ASSERT_TRUE(error_);
  EXPECT_TRUE(error_->retry_safe());
}

TEST_F(H2Resend, EvenIfTheRetryBudgetIsSpent) {
  while (pool_->context().try_retry()) {
  }
  Trip post = begin();
  settle();
  EXPECT_EQ(heads(0), 1u);
  accepted_[0].send(goaway(0));
  expect_served(post, 1);
}

// A refused request is work for the upstream.
TEST_F(H2Resend, LimitsARefusedRequestToThreeAttempts) {
  const Trip post = begin();
  for (std::uint32_t i = 0; i < 3; ++i) {
    settle();
    ASSERT_FALSE(post.done());
    EXPECT_EQ(heads(0), 1u);
    accepted_[0].send(reset(1 + 2 * i, 7));
  }
  settle();
  EXPECT_TRUE(post.done());
  EXPECT_EQ(heads(0), 0u);
  EXPECT_EQ(accepted_.size(), 1u);
  ASSERT_TRUE(error_);
  EXPECT_TRUE(error_->retry_safe());
}

TEST_F(H2Resend, NoRefusedRequestOnceTheRetryBudgetIsSpent) {
  while (pool_->context().try_retry()) {
  }
  const Trip post = begin();
  settle();
  EXPECT_EQ(heads(0), 1u);
  accepted_[0].send(reset(1, 7));
  settle();
  EXPECT_TRUE(post.done());
  EXPECT_EQ(heads(0), 0u);
}

class SilentDialer final : public net::Dialer {
 public:
  task<Result<net::Dialled>> dial(const net::Destination&) override {
    co_await sleep_for(std::chrono::hours(24));
    co_return failure(Errc::timed_out, Side::upstream);
  }
};

// The window is promised before there is a stream.
TEST_F(H2Resend, ARequestWaitingForAConnectionPromisesAWindow) {
  const auto promised = [] {
    report_promised_memory();
    return promised_memory();
  };
  const std::size_t before = promised();
  pool_ = std::make_unique<ConnectionPool>(reactor_,
                                           std::make_shared<SharedPools>(Transport::Options()),
                                           std::make_unique<SilentDialer>());
  {
    const Trip one = begin();
    const Trip two = begin();
    settle();
    EXPECT_EQ(promised() - before, 2 * std::size_t{kStreamWindow});
  }
  settle();
  EXPECT_EQ(promised(), before);
}

// Held requests are a small load because of the pauses.
TEST_F(H2Resend, ARefusedHeldRequestEvenIfTheRetryBudgetIsSpent) {
  Transport::Options options;
  options.hold = std::chrono::seconds(10);
  start(options);
  while (pool_->context().try_retry()) {
  }
  Trip post = begin();
  settle();
  EXPECT_EQ(heads(0), 1u);
  accepted_[0].send(reset(1, 7));
  advance(std::chrono::milliseconds(150));
  EXPECT_EQ(heads(0), 1u);
  accepted_[0].send(answer(3));
  settle();
  ASSERT_TRUE(post.done());
  EXPECT_EQ(post.take(), 200);
}

TEST_F(H2Resend, NoRequestThatTheUpstreamMayHaveSeen) {
  warm();
  Trip post = begin();
  settle();
  EXPECT_EQ(heads(0), 1u);
  accepted_[0].send(goaway(3));
  accepted_[0].close();
  settle();
  ASSERT_TRUE(post.done());
  EXPECT_EQ(post.take(), 0);
  EXPECT_EQ(accepted_.size(), 1u);
  ASSERT_TRUE(error_);
  EXPECT_FALSE(error_->retry_safe());
}

}  // namespace
}  // namespace onehop::transport
