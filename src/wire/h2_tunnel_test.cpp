// SPDX-License-Identifier: Apache-2.0
#include "wire/h2_tunnel.hpp"

#include "support/h2_link_pair.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace onehop::wire {
namespace {

using namespace std::chrono_literals;

// The client's end of a tunnel, with a backend that opens its window when the test asks for it.
class H2TunnelTest : public test::H2LinkPair, private H2Tunnel::Owner {
 protected:
  H2TunnelTest() {
    start(h2::Role::client);
    const h2::FieldList head = {
        {":method", "POST"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}};
    EXPECT_TRUE(session_->open(stream_, head, false));
    link_->flush_now();
    stream_.on_event_ = [this] {
      sender_.on_event();
      tunnel_.on_event();
    };
    say_on_stream(h2_frames::headers, h2_frames::kEndHeaders,
                  h2_frames::block({{":status", "200"}}));
    (void)stream_.take_head();
    far_.receive();
  }
  void say_on_stream(std::uint8_t type, std::uint8_t flags, std::string_view payload) {
    say(h2_frames::frame(type, flags, 1, payload));
    settle();
  }
  std::string read() {
    auto reading = tunnel_.read();
    reading.start();
    settle();
    EXPECT_TRUE(reading.done());
    if (!reading.done()) return "nothing";
    const Result<bytes> piece = reading.take();
    return piece ? std::string(*piece) : piece.error().to_string();
  }
  H2Link* tunnel_link() noexcept override { return link_.get(); }
  Error tunnel_error() const override { return {Errc::truncated, Side::upstream}; }

  H2BodySender sender_{stream_, reactor_, Side::upstream};
  H2Tunnel tunnel_{stream_, sender_, reactor_, *this};
};

TEST_F(H2TunnelTest, ReadsPiecesThenTheEnd) {
  say_on_stream(h2_frames::data, 0, "one");
  EXPECT_EQ(read(), "one");
  auto reading = tunnel_.read();
  reading.start();
  settle();
  EXPECT_FALSE(reading.done());
  say_on_stream(h2_frames::data, h2_frames::kEndStream, "two");
  ASSERT_TRUE(reading.done());
  EXPECT_EQ(*reading.take(), "two");
  EXPECT_EQ(read(), "");
  EXPECT_FALSE(tunnel_.has_failed());
}

TEST_F(H2TunnelTest, FailsWithItsStream) {
  say_on_stream(h2_frames::rst_stream, 0, h2_frames::number(8, 4));
  EXPECT_TRUE(tunnel_.has_failed());
  EXPECT_EQ(read(), tunnel_error().to_string());
  auto writing = tunnel_.write("x");
  writing.start();
  ASSERT_TRUE(writing.done());
  EXPECT_FALSE(writing.take());
}

TEST_F(H2TunnelTest, ReportsProgressWithinOnePiece) {
  net::Time activity{};
  tunnel_.report_activity_to(&activity);
  const std::string large(8 * h2_frames::kFirstWindow, 'x');
  auto writing = tunnel_.write(large);
  writing.start();
  settle();
  EXPECT_FALSE(writing.done());
  advance(10s);
  const net::Time before = reactor_.now();
  EXPECT_LT(activity, before) << "the peer takes nothing";
  const std::string more = h2_frames::number(1024, 4);
  say(h2_frames::frame(h2_frames::window_update, 0, 0, more) +
      h2_frames::frame(h2_frames::window_update, 0, 1, more));
  advance(1s);
  EXPECT_GE(activity, before);
  EXPECT_FALSE(writing.done());
}

TEST_F(H2TunnelTest, IsFlushedAndThenGoneOnceBothSidesEnd) {
  tunnel_.close_write();
  auto flushed = tunnel_.flushed();
  flushed.start();
  settle();
  EXPECT_TRUE(flushed.done());
  say_on_stream(h2_frames::data, 0, "last words");
  EXPECT_EQ(read(), "last words");
  say_on_stream(h2_frames::data, h2_frames::kEndStream, "");
  EXPECT_EQ(read(), "");
  auto gone = tunnel_.gone();
  gone.start();
  settle();
  ASSERT_TRUE(gone.done());
  EXPECT_TRUE(gone.take());
}

TEST_F(H2TunnelTest, HasEndedInOrderIfAResetWithNoErrorFollowsTheEnd) {
  say_on_stream(h2_frames::data, h2_frames::kEndStream, "last words");
  say_on_stream(h2_frames::rst_stream, 0, h2_frames::number(0, 4));
  ASSERT_TRUE(stream_.is_closed());
  EXPECT_FALSE(tunnel_.has_failed());
  EXPECT_EQ(read(), "last words");
  EXPECT_EQ(read(), "");
  auto gone = tunnel_.gone();
  gone.start();
  ASSERT_TRUE(gone.done());
  EXPECT_TRUE(gone.take());
}

TEST_F(H2TunnelTest, FailsIfAnotherResetFollowsTheEnd) {
  say_on_stream(h2_frames::data, h2_frames::kEndStream, "last words");
  say_on_stream(h2_frames::rst_stream, 0, h2_frames::number(8, 4));
  ASSERT_TRUE(stream_.is_closed());
  EXPECT_TRUE(tunnel_.has_failed());
  auto gone = tunnel_.gone();
  gone.start();
  ASSERT_TRUE(gone.done());
  EXPECT_FALSE(gone.take());
}

}  // namespace
}  // namespace onehop::wire
