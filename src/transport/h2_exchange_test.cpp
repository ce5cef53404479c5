// SPDX-License-Identifier: Apache-2.0
#include "transport/h2_exchange.hpp"

#include "net/memory_stream.hpp"
#include "support/bodies.hpp"
#include "support/h2_peer.hpp"
#include "support/stream_pair.hpp"
#include "transport/h2_round_trip.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::transport {
namespace {

using namespace std::chrono_literals;
using h2_frames::frame;
using h2_frames::number;
using test::pieces;

class OneDialer final : public net::Dialer {
 public:
  explicit OneDialer(std::unique_ptr<net::MemoryStream> stream) : stream_(std::move(stream)) {}
  task<Result<net::Dialled>> dial(const net::Destination& destination) override {
    if (!stream_) co_return failure(Errc::connect_failed, Side::upstream);
    co_return net::Dialled(std::move(stream_), destination.host);
  }

 private:
  std::unique_ptr<net::MemoryStream> stream_;
};

// One connection to an upstream, at far_, and requests over it.
class H2ExchangeTest : public test::StreamPair {
 protected:
  H2ExchangeTest()
      : pool_(reactor_,
              std::make_shared<SharedPools>(Transport::Options()),
              std::make_unique<OneDialer>(std::move(near_))) {
    // Windows of a MiB.
    far_.send(frame(h2_frames::settings, 0, 0, number(4, 2) + number(1 << 20, 4)) +
              frame(h2_frames::window_update, 0, 0, number(1 << 20, 4)));
  }
  using Asking = task<std::optional<Result<Response>>>;
  // The body of `request_` is sent as far as that goes.
  Asking ask(Body body) {
    request_.emplace(Method::put, Url::parse("h2c://a/").value(), Headers({{"Host", "a"}}),
                     std::move(body));
    Asking asking = h2_round_trip(pool_, *request_, false);
    asking.start();
    settle();
    return asking;
  }
  static std::optional<Error> error_of(Asking& asking) {
    EXPECT_TRUE(asking.done());
    if (!asking.done()) return std::nullopt;
    const auto answered = asking.take();
    if (!answered || *answered) return std::nullopt;
    return answered->error();
  }
  // What the upstream has of the request on this stream.
  const test::H2Peer::Message& arrived(std::uint32_t stream) {
    settle();
    peer_.take(far_.receive());
    return peer_.streams()[stream];
  }

  ConnectionPool pool_;
  std::optional<Request> request_;
  test::H2Peer peer_;
};

TEST_F(H2ExchangeTest, ABodyThatIsNotWhatItSaidTakesItsRequestBack) {
  std::uint32_t stream = 1;
  for (const std::vector<std::string>& content :
       {std::vector<std::string>{"abc"}, {"abc", "defgh"}, {"abcdefgh"}}) {
    auto source = pieces(content);
    source->length_ = 5;
    source->pause_ = 1s;
    auto asking = ask(Body::from(std::move(source)));
    EXPECT_TRUE(arrived(stream).has_head);
    advance(5s);
    const auto error = error_of(asking);
    ASSERT_TRUE(error);
    EXPECT_TRUE(error->is(Errc::handler_failed));
    EXPECT_EQ(error->side(), Side::local);
    EXPECT_EQ(error->phase(), Phase::send);
    EXPECT_TRUE(arrived(stream).reset);
    EXPECT_FALSE(arrived(stream).ended);
    stream += 2;
  }
  EXPECT_EQ(pool_.counters().dialled.value(), 1u) << "the connection is none the worse for it";
}

TEST_F(H2ExchangeTest, ABodyThatThrowsTakesItsRequestBack) {
  struct Forgetful final : BodySource {
    task<Result<bytes>> read() override { co_return bytes(); }
    std::optional<std::uint64_t> length() const override {
      if (asked++ > 0) throw std::runtime_error("who knows");
      return 5;
    }
    mutable int asked = 0;
  };
  auto asking = ask(Body::from(std::make_unique<Forgetful>()));
  const auto error = error_of(asking);
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->is(Errc::handler_failed));
  EXPECT_FALSE(arrived(1).ended);
}

// Its windows are wide open, its socket is full, and it says something now and then.
TEST_F(H2ExchangeTest, AnUpstreamThatSpeaksAndDoesNotReadIsGivenUp) {
  auto asking = ask(Body::of(std::string(500'000, 'x')));
  for (int i = 0; i < 6; ++i) {
    EXPECT_FALSE(asking.done()) << i;
    far_.send(frame(h2_frames::window_update, 0, 0, number(1, 4)));
    advance(10s);
  }
  advance(1s);
  const auto error = error_of(asking);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->side(), Side::upstream);
  EXPECT_EQ(pool_.counters().open.value(), 0u);
  far_.receive();
  EXPECT_EQ(far_.ending(), "reset");
}

}  // namespace
}  // namespace onehop::transport
