// SPDX-License-Identifier: Apache-2.0
//
// WebSockets over HTTP/2 when one direction has ended, or makes no progress.
#include "server/h2_exchange.hpp"

#include <onehop/scope.hpp>
#include <onehop/testing.hpp>

#include "http/websocket_handshake.hpp"
#include "support/h2_peer.hpp"
#include "support/messages.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using h2_frames::frame;
using h2_frames::number;

// A peer of the server, and what it has seen.
struct Far {
  std::string heard;
  bool is_closed = false;
  bool is_dropped = false;
  bool is_deaf = false;
  bool is_loud = false;
  std::optional<Result<void>> leaves;
};

const std::string kPiece(10'000, 'x');

// Has closed its sending half, or sends without end. Takes 1 s for each piece that it receives.
class ListeningTunnel final : public Tunnel {
 public:
  explicit ListeningTunnel(Far& far) noexcept : far_(far) {}
  ~ListeningTunnel() override { far_.is_dropped = true; }

  task<Result<bytes>> read() override {
    if (far_.is_loud) co_return bytes(kPiece);
    co_return bytes();
  }
  bool has_failed() const noexcept override { return far_.leaves && !*far_.leaves; }
  task<Result<void>> write(bytes data) override {
    co_await sleep_for(1s);
    if (far_.is_deaf) co_return failure(Errc::closed, Side::upstream);
    far_.heard += data;
    co_return Result<void>();
  }
  void close_write() override { far_.is_closed = true; }
  task<Result<void>> gone() override {
    while (!far_.leaves)
      co_await sleep_for(100ms);
    co_return *far_.leaves;
  }

 private:
  Far& far_;
};

class H2Tunnels : public ::testing::Test {
 protected:
  H2Tunnels() {
    network_.serve("s:80", make_handler([this](Request request) {
                     Response response(Status::switching_protocols,
                                       Headers({{"Upgrade", "websocket"}}));
                     response.set_tunnel(std::make_unique<ListeningTunnel>(far_));
                     const auto key = request.headers().get("Sec-WebSocket-Key");
                     if (key)
                       response.headers().add("Sec-WebSocket-Accept", websocket_accept(*key));
                     return response;
                   }),
                   exchanges_.options());
    client_.emplace(network_.connect("s:80"));
    client_->send(std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0));
  }
  void ask() {
    say(h2_frames::headers, h2_frames::kEndHeaders,
        h2_frames::block({{":method", "CONNECT"},
                          {":protocol", "websocket"},
                          {":scheme", "http"},
                          {":authority", "h"},
                          {":path", "/"}}));
    EXPECT_TRUE(answer().has_head);
    EXPECT_NE(answer().ended, far_.is_loud);
    EXPECT_FALSE(answer().reset);
  }
  void say(std::uint8_t kind, std::uint8_t flags, std::string_view payload) {
    client_->send(frame(kind, flags, 1, payload));
  }
  const test::H2Peer::Message& answer() {
    peer_.take(client_->receive());
    return peer_.streams()[1];
  }

  Far far_;
  test::ExchangeLog exchanges_;
  testing::Network network_;
  std::optional<testing::Wire> client_;
  test::H2Peer peer_;
};

TEST_F(H2Tunnels, TheClientsLastBytesArriveThoughTheStreamIsClosed) {
  ask();
  say(h2_frames::data, 0, "still ");
  say(h2_frames::data, h2_frames::kEndStream, "here");
  network_.advance(5s);
  EXPECT_EQ(far_.heard, "still here");
  EXPECT_TRUE(far_.is_closed);
  EXPECT_TRUE(far_.is_dropped);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
  EXPECT_EQ(exchanges_.last().request_body, 10u);
}

// The time since the last exchange must not count as idle time of the connection.
TEST_F(H2Tunnels, TheClientsLastBytesArriveAfterALongSilence) {
  ask();
  for (int minute = 0; minute < 60; ++minute) {
    network_.advance(1min);
    network_.advance(10s);
    answer();
    client_->send(peer_.replies());
  }
  say(h2_frames::data, h2_frames::kEndStream, "still here");
  network_.advance(5s);
  EXPECT_EQ(far_.heard, "still here");
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
}

TEST_F(H2Tunnels, TheFarSideMayFailAfterTheStreamIsClosed) {
  ask();
  far_.is_deaf = true;
  say(h2_frames::data, h2_frames::kEndStream, "in vain");
  EXPECT_EQ(exchanges_.size(), 0u);
  network_.advance(5s);
  EXPECT_TRUE(far_.is_dropped);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::closed));
}

TEST_F(H2Tunnels, ADisconnectDiscardsUndeliveredBytes) {
  ask();
  say(h2_frames::data, h2_frames::kEndStream, "in vain");
  client_->close();
  network_.advance(5s);
  EXPECT_TRUE(far_.is_dropped);
  EXPECT_EQ(far_.heard, "");
  EXPECT_EQ(exchanges_.size(), 1u);
}

TEST_F(H2Tunnels, AResetEndsBothDirections) {
  ask();
  say(h2_frames::data, 0, "in vain");
  say(h2_frames::rst_stream, 0, number(8, 4));
  EXPECT_TRUE(far_.is_dropped);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
}

TEST_F(H2Tunnels, AFarSideThatClosesEndsTheStream) {
  ask();
  far_.leaves = Result<void>();
  network_.advance(1s);
  EXPECT_TRUE(far_.is_dropped);
  EXPECT_EQ(answer().reset, 0u) << "NO_ERROR";
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
}

TEST_F(H2Tunnels, AFarSideThatFailsResetsTheStream) {
  ask();
  far_.leaves = failure(Errc::closed, Side::upstream);
  network_.advance(1s);
  EXPECT_TRUE(far_.is_dropped);
  EXPECT_EQ(answer().reset, 2u) << "INTERNAL_ERROR";
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
}

// The window of the client is closed.
TEST_F(H2Tunnels, AFailureOfTheFarSideIsNoticedWhileTheClientDoesNotRead) {
  far_.is_loud = true;
  ask();
  network_.advance(10s);
  EXPECT_FALSE(answer().reset);
  far_.leaves = failure(Errc::closed, Side::upstream);
  network_.advance(1s);
  EXPECT_TRUE(far_.is_dropped);
  EXPECT_EQ(answer().reset, 2u) << "INTERNAL_ERROR";
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
}

}  // namespace
}  // namespace onehop::server
