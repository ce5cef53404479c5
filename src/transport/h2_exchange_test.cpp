// SPDX-License-Identifier: Apache-2.0
#include "transport/h2_exchange.hpp"

#include "net/memory_stream.hpp"
#include "support/bodies.hpp"
#include "support/h2_upstream_test.hpp"
#include "transport/connection_pool.hpp"

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

class H2ExchangeTest : public H2UpstreamTest {
 protected:
  // Windows of 1 MiB.
  H2ExchangeTest() : H2UpstreamTest(number(4, 2) + number(1 << 20, 4)) {
    far_.send(frame(h2_frames::window_update, 0, 0, number(1 << 20, 4)));
  }
  Asking ask(Body body) {
    return H2UpstreamTest::ask(Request(Method::post, Url::parse("h2c://a/").value(),
                                       Headers({{"Host", "a"}}), std::move(body)));
  }
  static std::optional<Error> error_of(Asking& asking) {
    EXPECT_TRUE(asking.done());
    if (!asking.done()) return std::nullopt;
    const auto answered = asking.take();
    if (answered) return std::nullopt;
    return answered.error();
  }
  // Returns the request on this stream, as the upstream has received it.
  const test::H2Peer::Message& arrived(std::uint32_t stream) {
    settle();
    return streams()[stream];
  }
};

TEST_F(H2ExchangeTest, ABodyOfTheWrongLengthResetsItsRequest) {
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

TEST_F(H2ExchangeTest, ABodyThatThrowsResetsItsRequest) {
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

// The upstream has large windows and a full socket, and sends frames from time to time.
TEST_F(H2ExchangeTest, AnUpstreamThatSendsButDoesNotReadTimesOut) {
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

// --- tunnels -----------------------------------------------------------------------------------

class H2TunnelTest : public H2ExchangeTest {
 protected:
  H2TunnelTest() {
    // ENABLE_CONNECT_PROTOCOL
    far_.send(frame(h2_frames::settings, 0, 0, number(8, 2) + number(1, 4)));
    Asking asking = H2UpstreamTest::ask(
        Request(Method::get, Url::parse("h2c://a/").value(),
                Headers({{"Host", "a"}, {"Upgrade", "websocket"}, {"Connection", "Upgrade"}})));
    EXPECT_TRUE(arrived(1).has_head);
    say(h2_frames::headers, h2_frames::kEndHeaders, h2_frames::block({{":status", "200"}}));
    EXPECT_TRUE(asking.done());
    auto response = asking.take();
    tunnel_ = response->take_tunnel();
    say(h2_frames::data, h2_frames::kEndStream, "bye");
    EXPECT_EQ(read(), "bye");
    EXPECT_EQ(read(), "");
  }
  void say(std::uint8_t kind, std::uint8_t flags, std::string_view payload) {
    far_.send(frame(kind, flags, 1, payload));
    settle();
  }

  std::string read() {
    auto reading = tunnel_->read();
    reading.start();
    const auto piece = reading.take();
    EXPECT_TRUE(piece);
    return piece ? std::string(*piece) : "";
  }

  std::unique_ptr<Tunnel> tunnel_;
};

TEST_F(H2TunnelTest, IsGoneWhenItsStreamIsResetAfterItsEnd) {
  auto gone = tunnel_->gone();
  gone.start();
  settle();
  EXPECT_FALSE(gone.done());
  say(h2_frames::rst_stream, 0, number(8, 4));  // CANCEL
  ASSERT_TRUE(gone.done());
  const auto how = gone.take();
  ASSERT_FALSE(how);
  EXPECT_EQ(how.error().side(), Side::upstream);
  EXPECT_EQ(how.error().phase(), Phase::tunnel);
}

TEST_F(H2TunnelTest, IsGoneWhenItsConnectionIsLost) {
  auto gone = tunnel_->gone();
  gone.start();
  far_.reset();
  settle();
  ASSERT_TRUE(gone.done());
  EXPECT_FALSE(gone.take());
}

TEST_F(H2TunnelTest, EndsGracefullyWhenBothSidesHaveEndedIt) {
  auto gone = tunnel_->gone();
  gone.start();
  tunnel_->close_write();
  settle();
  ASSERT_TRUE(gone.done());
  EXPECT_TRUE(gone.take());
  EXPECT_TRUE(arrived(1).ended);
}

}  // namespace
}  // namespace onehop::transport
