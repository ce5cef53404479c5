// SPDX-License-Identifier: Apache-2.0
//
// Tunnels while a worker drains, over both versions of HTTP.
#include "server/tunnel_watch.hpp"

#include <onehop/scope.hpp>

#include "http/websocket_handshake.hpp"
#include "net/memory_stream.hpp"
#include "server/worker.hpp"
#include "support/h2_frames.hpp"
#include "support/messages.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";

// Sends bytes every `pause`, and reads everything.
class TickingTunnel final : public Tunnel {
 public:
  struct Options {
    io::Duration pause = 24h;  // before each piece it sends
    std::string says = "tick";
    io::Duration write_pause = 0s;  // before it takes a piece that was written to it
  };
  explicit TickingTunnel(Options options) : options_(std::move(options)) {}
  task<Result<bytes>> read() override {
    co_await sleep_for(options_.pause);
    co_return bytes(options_.says);
  }
  task<Result<void>> write(bytes) override {
    co_await sleep_for(options_.write_pause);
    co_return Result<void>();
  }
  void close_write() override {}

 private:
  const Options options_;
};

enum class Protocol : std::uint8_t { h1, h2 };

class DrainedTunnel : public ::testing::TestWithParam<Protocol> {
 protected:
  DrainedTunnel() : enter_(reactor_), common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    *common_->settings.options = exchanges_.options();
    worker_ = std::make_unique<Worker>(
        reactor_, common_, make_handler([this](Request in) -> task<Response> {
          co_await sleep_for(delay_);
          Response response(
              Status::switching_protocols,
              Headers({{"Upgrade", "websocket"},
                       {"Sec-WebSocket-Accept",
                        websocket_accept(in.headers().get_or_empty("Sec-WebSocket-Key"))}}));
          response.set_tunnel(std::make_unique<TickingTunnel>(far_));
          co_return response;
        }));
  }

  bool is_h1() const { return GetParam() == Protocol::h1; }
  void settle() {
    while (reactor_.run_once(io::Duration::zero())) {
    }
  }
  void advance(io::Duration duration) {
    const net::Time end = reactor_.now() + duration;
    settle();
    while (reactor_.now() < end) {
      const auto next = reactor_.timers().next();
      reactor_.set_time(next && *next < end ? *next : end);
      settle();
    }
  }
  void write(std::string_view bytes_of_client) {
    client_->try_write(bytes_of_client.data(), bytes_of_client.size());
    settle();
  }
  void open_tunnel() {
    auto [near, far] = net::make_memory_pair(reactor_);
    client_ = std::move(near);
    worker_->adopt(std::move(far), AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"),
                   false);
    if (is_h1()) {
      write(
          "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
          std::string(kKey) + "\r\n\r\n");
    } else {
      const std::string block = h2_frames::block({{":method", "CONNECT"},
                                                  {":protocol", "websocket"},
                                                  {":scheme", "http"},
                                                  {":path", "/"},
                                                  {":authority", "h"},
                                                  {"sec-websocket-version", "13"}});
      write(std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0) +
            h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, 1, block));
    }
    ASSERT_EQ(worker_->requests().now(), 1u);
    ASSERT_EQ(exchanges_.size(), 0u);
  }
  void say(std::string_view text) {
    write(is_h1() ? std::string(text) : h2_frames::frame(h2_frames::data, 0, 1, text));
  }
  // Acknowledges PINGs, as a client that is present does.
  void answer_pings() {
    std::string got(64 * 1024, '\0');
    const net::IoResult size = client_->try_read(got.data(), got.size());
    got.resize(size.count());
    if (is_h1()) return;
    for (const h2_frames::Frame& frame : h2_frames::take_frames(got)) {
      if (frame.type == h2_frames::ping) {
        write(h2_frames::frame(h2_frames::ping, h2_frames::kAck, 0, frame.payload));
      }
    }
  }
  void drain(io::Duration within) {
    worker_->drain(reactor_.now() + within, [this] { drained_ = true; });
    settle();
  }
  void expect_ended_as_silent() {
    ASSERT_EQ(exchanges_.size(), 1u);
    EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
    ASSERT_TRUE(exchanges_.last().failed_with(Errc::cancelled));
    EXPECT_EQ(exchanges_.last().failure->detail(), kSilentTunnel);
    EXPECT_EQ(exchanges_.last().failure->phase(), Phase::tunnel);
    advance(2500ms);  // an HTTP/2 client has 1 s for each part of the goodbye
    EXPECT_TRUE(drained_);
    EXPECT_FALSE(worker_->was_cut());
    expect_orderly_end();
  }
  void expect_orderly_end() {
    std::string got;
    std::string piece(4096, '\0');
    net::IoResult size = 0;
    while ((size = client_->try_read(piece.data(), piece.size())).has_bytes())
      got.append(piece, 0, size.count());
    EXPECT_TRUE(size.is_end());
    if (is_h1()) return;
    bool ended = false;
    for (const h2_frames::Frame& frame : h2_frames::take_frames(got)) {
      if (frame.stream != 1) continue;
      if (frame.type == h2_frames::data) ended = (frame.flags & h2_frames::kEndStream) != 0;
      if (frame.type == h2_frames::rst_stream) {
        EXPECT_EQ(frame.payload, h2_frames::number(0, 4));
      }
    }
    EXPECT_TRUE(ended);
  }

  io::Duration delay_ = 0s;  // before the tunnel begins
  TickingTunnel::Options far_;
  test::ExchangeLog exchanges_;
  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
  std::unique_ptr<net::MemoryStream> client_;
  bool drained_ = false;
};

TEST_P(DrainedTunnel, EndsAtOnceAfterALongSilence) {
  open_tunnel();
  advance(6s);
  drain(30s);
  expect_ended_as_silent();
}

TEST_P(DrainedTunnel, EndsAfterFiveSecondsOfSilence) {
  open_tunnel();
  advance(10s);
  say("hello");
  drain(30s);
  advance(4900ms);
  EXPECT_EQ(exchanges_.size(), 0u);
  advance(200ms);
  expect_ended_as_silent();
}

TEST_P(DrainedTunnel, RunsUntilTheDeadlineWhileTheClientSends) {
  open_tunnel();
  drain(30s);
  for (int i = 0; i < 9; ++i) {
    advance(3s);
    say("hello");
  }
  EXPECT_EQ(exchanges_.size(), 0u);
  advance(3100ms);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().failure->detail(), "cut when the server stopped");
  EXPECT_TRUE(worker_->was_cut());
}

TEST_P(DrainedTunnel, RunsUntilTheDeadlineWhileTheFarSideSends) {
  far_.pause = 3s;
  open_tunnel();
  drain(30s);
  advance(29s);
  EXPECT_EQ(exchanges_.size(), 0u);
  advance(1100ms);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().failure->detail(), "cut when the server stopped");
}

TEST_P(DrainedTunnel, EndsWhenSilentEvenIfOpenedDuringTheDrain) {
  delay_ = 1s;
  open_tunnel();
  drain(30s);
  advance(5900ms);
  EXPECT_EQ(exchanges_.size(), 0u);
  advance(200ms);
  expect_ended_as_silent();
}

// The client's bytes are still on their way.
TEST_P(DrainedTunnel, IsNotSilentWhileAWriteToTheFarSideIsPending) {
  far_.write_pause = 4s;
  open_tunnel();
  drain(30s);
  advance(4s);
  say("hello");
  advance(4500ms);
  EXPECT_EQ(exchanges_.size(), 0u);
  advance(5s);
  EXPECT_EQ(exchanges_.size(), 1u);
}

TEST_P(DrainedTunnel, IsLeftAloneWithoutADrain) {
  open_tunnel();
  for (int i = 0; i < 720; ++i) {
    advance(5s);
    answer_pings();
  }
  EXPECT_EQ(exchanges_.size(), 0u);
  EXPECT_EQ(worker_->requests().now(), 1u);
}

// The client has much to read, and reads a little of it from time to time.
class DrainedHttp1Tunnel : public DrainedTunnel {};
TEST_P(DrainedHttp1Tunnel, RunsUntilTheDeadlineWhileTheClientReads) {
  far_ = {.pause = 1s, .says = std::string(1'000'000, 'x')};
  open_tunnel();
  drain(30s);
  std::string piece(4096, ' ');
  for (int i = 0; i < 9; ++i) {
    advance(3s);
    EXPECT_TRUE(client_->try_read(piece.data(), piece.size()).has_bytes());
  }
  settle();
  EXPECT_EQ(exchanges_.size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Http1, DrainedHttp1Tunnel, ::testing::Values(Protocol::h1));
INSTANTIATE_TEST_SUITE_P(BothVersions,
                         DrainedTunnel,
                         ::testing::Values(Protocol::h1, Protocol::h2),
                         [](const auto& one) {
                           return one.param == Protocol::h1 ? "Http1" : "Http2";
                         });

}  // namespace
}  // namespace onehop::server
