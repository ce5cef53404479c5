// SPDX-License-Identifier: Apache-2.0
//
// A scripted HTTP/2 upstream behind the proxy. Only the tests advance the clock.

#include <onehop/reverse_proxy.hpp>
#include <onehop/server.hpp>
#include <onehop/testing.hpp>
#include <onehop/transport.hpp>

#include "support/h2_frames.hpp"
#include "support/short_of_memory.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace onehop::literals;
using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::Network;
using ::testing::StartsWith;
using testing::Wire;

class Upstream {
 public:
  explicit Upstream(Wire wire, std::string settings = {}) : wire_(std::move(wire)) {
    wire_.send(h2_frames::frame(h2_frames::settings, 0, 0, settings));
  }

  // Returns the frames that have arrived since the last call.
  std::vector<h2_frames::Frame> frames() {
    data_ += wire_.receive();
    return h2_frames::take_frames(data_);
  }
  // Returns those of one type, and drops the others.
  std::vector<h2_frames::Frame> frames(std::uint8_t type) {
    auto taken = frames();
    std::erase_if(taken, [type](const auto& frame) { return frame.type != type; });
    return taken;
  }
  void answer(std::uint32_t stream) {
    wire_.send(h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, stream,
                                h2_frames::block({{":status", "200"}, {"content-length", "2"}})));
    wire_.send(h2_frames::frame(h2_frames::data, h2_frames::kEndStream, stream, "ok"));
  }
  // Sends only the head.
  void begin_answer(std::uint32_t stream) {
    wire_.send(h2_frames::frame(
        h2_frames::headers, h2_frames::kEndHeaders, stream,
        h2_frames::block({{":status", "200"}, {"content-type", "application/grpc"}})));
  }
  void reset(std::uint32_t stream, std::uint32_t code) {
    wire_.send(h2_frames::frame(h2_frames::rst_stream, 0, stream, h2_frames::number(code, 4)));
  }
  void go_away(std::uint32_t last) {
    wire_.send(h2_frames::frame(h2_frames::goaway, 0, 0,
                                h2_frames::number(last, 4) + h2_frames::number(0, 4)));
  }
  Wire& wire() noexcept { return wire_; }

 private:
  Wire wire_;
  std::string data_;
};

class ProxiedH2Test : public ::testing::Test {
 protected:
  ProxiedH2Test() : ProxiedH2Test(Transport::Options()) {}
  explicit ProxiedH2Test(Transport::Options transport) {
    network_.listen("up:80");
    transport.dialer = network_.dialer();
    transport.pool_idle_timeout = 4s;
    transport.response_timeout = 10s;
    ReverseProxy::Options options;
    options.rewrite = [](ProxyRequest& request) { request.set_url("h2c://up:80"_url); };
    transport_ = std::make_shared<Transport>(transport);
    options.transport = transport_;
    Server::Options server;
    server.on_exchange_end = [](const ExchangeRecord&) {};
    network_.serve("front:80", std::make_shared<ReverseProxy>(std::move(options)), server);
  }

  Wire get() {
    Wire client = network_.connect("front:80");
    client.send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    return client;
  }
  Wire post() {
    Wire client = network_.connect("front:80");
    client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    return client;
  }
  Upstream accept(std::string settings = {}) {
    return Upstream(network_.accept("up:80"), std::move(settings));
  }

  Network network_;
  std::shared_ptr<Transport> transport_;
};

TEST_F(ProxiedH2Test, RequestsShareAConnection) {
  Wire one = get();
  Wire two = get();
  Upstream upstream = accept();
  EXPECT_EQ(upstream.frames(h2_frames::headers).size(), 2u);
  upstream.answer(3);
  upstream.answer(1);
  EXPECT_THAT(one.receive(), EndsWith("ok"));
  EXPECT_THAT(two.receive(), EndsWith("ok"));
  Wire three = get();
  upstream.answer(5);
  EXPECT_THAT(three.receive(), EndsWith("ok"));
}

TEST_F(ProxiedH2Test, OpensAnotherConnectionWhenOneIsFull) {
  Wire one = get();
  Upstream first = accept(h2_frames::number(3, 2) + h2_frames::number(1, 4));  // one stream
  Wire two = get();
  Upstream second = accept();
  EXPECT_EQ(first.frames(h2_frames::headers).size(), 1u);
  EXPECT_EQ(second.frames(h2_frames::headers).size(), 1u);
  second.answer(1);
  EXPECT_THAT(two.receive(), EndsWith("ok"));
  first.answer(1);
  EXPECT_THAT(one.receive(), EndsWith("ok"));
}

TEST_F(ProxiedH2Test, RetriesARefusedStreamForAnyMethod) {
  Wire client = post();
  Upstream upstream = accept();
  upstream.reset(1, 7);
  EXPECT_EQ(client.receive(), "");
  EXPECT_EQ(upstream.frames(h2_frames::headers).size(), 2u);
  upstream.answer(3);
  EXPECT_THAT(client.receive(), EndsWith("ok"));
}

TEST_F(ProxiedH2Test, RetriesUnprocessedRequestsAfterAGoaway) {
  Wire kept = get();
  Upstream first = accept();
  Wire left_out = post();
  first.go_away(1);
  Upstream second = accept();
  ASSERT_EQ(second.frames(h2_frames::headers).size(), 1u);
  second.answer(1);
  EXPECT_THAT(left_out.receive(), EndsWith("ok"));
  first.answer(1);
  EXPECT_THAT(kept.receive(), EndsWith("ok"));
  EXPECT_TRUE(first.wire().at_end() || !first.wire().receive().empty());
}

// A graceful end is announced by two GOAWAYs.
TEST_F(ProxiedH2Test, CountsAConnectionWithTwoGoawaysOnce) {
  Wire client = get();
  Upstream upstream = accept();
  upstream.go_away(0x7fff'ffff);
  upstream.go_away(1);
  upstream.answer(1);
  EXPECT_THAT(client.receive(), EndsWith("ok"));
  EXPECT_EQ(transport_->statistics().http2.goaways, 1u);
}

TEST_F(ProxiedH2Test, RetriesOnlyIdempotentRequestsAfterALostConnection) {
  Wire repeatable = get();
  Wire once = post();
  Upstream first = accept();
  first.wire().close();
  EXPECT_THAT(once.receive(), StartsWith("HTTP/1.1 502"));
  Upstream second = accept();
  second.answer(1);
  EXPECT_THAT(repeatable.receive(), EndsWith("ok"));
}

TEST_F(ProxiedH2Test, DoesNotRetryAnyOtherReset) {
  Wire client = get();
  Upstream upstream = accept();
  upstream.reset(1, 2);
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 502"));
}

TEST_F(ProxiedH2Test, AClientThatLeavesResetsOnlyItsStream) {
  Wire staying = get();
  Upstream upstream = accept();
  {
    Wire leaving = get();
    upstream.frames(h2_frames::headers);
  }
  const auto resets = upstream.frames(h2_frames::rst_stream);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].stream, 3u);
  EXPECT_EQ(resets[0].payload, h2_frames::number(8, 4));
  upstream.answer(1);
  EXPECT_THAT(staying.receive(), EndsWith("ok"));
}

TEST_F(ProxiedH2Test, PingsASilentUpstream) {
  Wire client = get();
  Upstream upstream = accept();
  upstream.begin_answer(1);
  network_.advance(25s);
  EXPECT_TRUE(upstream.frames(h2_frames::ping).empty());
  network_.advance(15s);
  const auto pings = upstream.frames(h2_frames::ping);
  ASSERT_EQ(pings.size(), 1u);
  upstream.wire().send(h2_frames::frame(h2_frames::ping, h2_frames::kAck, 0, pings[0].payload));
  EXPECT_FALSE(client.at_end());
}

TEST_F(ProxiedH2Test, PingsNoMoreOftenThanServersTolerate) {
  Wire client = get();
  Upstream upstream = accept();
  upstream.begin_answer(1);
  std::size_t pings = 0;
  for (int i = 0; i < 120; ++i) {
    network_.advance(10s);
    for (const auto& ping : upstream.frames(h2_frames::ping)) {
      ++pings;
      upstream.wire().send(h2_frames::frame(h2_frames::ping, h2_frames::kAck, 0, ping.payload));
    }
  }
  EXPECT_FALSE(client.at_end());
  // The first PING comes after 30 s of silence, the others more than five minutes apart.
  EXPECT_LE(pings, 5u);
  EXPECT_GE(pings, 3u);
}

TEST_F(ProxiedH2Test, AnUnansweredPingClosesTheConnection) {
  Wire client = get();
  Upstream upstream = accept();
  upstream.begin_answer(1);
  network_.advance(2min);
  client.receive();
  EXPECT_TRUE(client.at_end());
}

// The connection may be dead. Another request on it could only time out too.
TEST_F(ProxiedH2Test, AfterATimeoutAConnectionIsUnusedUntilItAcknowledgesAPing) {
  Wire client = get();
  Upstream first = accept();
  network_.advance(11s);
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 504"));
  const auto pings = first.frames(h2_frames::ping);
  ASSERT_EQ(pings.size(), 1u);
  Wire next = post();
  Upstream second = accept();
  second.answer(1);
  EXPECT_THAT(next.receive(), EndsWith("ok"));
  second.go_away(1);
  first.wire().send(h2_frames::frame(h2_frames::ping, h2_frames::kAck, 0, pings[0].payload));
  Wire last = post();
  first.answer(3);
  EXPECT_THAT(last.receive(), EndsWith("ok"));
}

TEST_F(ProxiedH2Test, ASuspectConnectionFailsWithItsOtherRequests) {
  Wire waiting = get();
  Upstream upstream = accept();
  upstream.begin_answer(1);
  Wire client = get();
  network_.advance(11s);
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 504"));
  waiting.receive();
  EXPECT_FALSE(waiting.at_end());
  network_.advance(20s);
  EXPECT_TRUE(waiting.at_end());
  EXPECT_TRUE(upstream.wire().was_reset());
}

// The whole response has arrived, and the rest of the request will not be read.
TEST_F(ProxiedH2Test, AnEarlyResponseOfALostConnectionDoesNotDelayTheClient) {
  for (const bool lost : {true, false}) {
    Wire client = network_.connect("front:80");
    client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo");
    Upstream upstream = accept();
    upstream.answer(1);
    if (lost) {
      upstream.wire().close();
    } else {
      upstream.reset(1, 0);
    }
    EXPECT_THAT(client.receive(), EndsWith("ok"));
    client.send("dyGET /y HTTP/1.1\r\nHost: h\r\n\r\n");
    if (lost) {
      Upstream second = accept();
      second.answer(1);
      EXPECT_THAT(client.receive(), EndsWith("ok"));
      second.wire().close();
    } else {
      upstream.answer(3);
      EXPECT_THAT(client.receive(), EndsWith("ok"));
    }
  }
}

TEST_F(ProxiedH2Test, RespondsWith502ToAnUpgradeTheUpstreamDoesNotSupport) {
  Wire client = network_.connect("front:80");
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  Upstream upstream = accept();
  EXPECT_TRUE(upstream.frames(h2_frames::headers).empty());
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 502"));
}

TEST_F(ProxiedH2Test, RejectsEndlessInformationalResponses) {
  Wire client = get();
  Upstream upstream = accept();
  for (int i = 0; i < 65; ++i) {
    upstream.wire().send(h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, 1,
                                          h2_frames::block({{":status", "103"}})));
  }
  EXPECT_THAT(client.receive(), HasSubstr("HTTP/1.1 502"));
  EXPECT_EQ(upstream.frames(h2_frames::rst_stream).size(), 1u);
}

TEST_F(ProxiedH2Test, DoesNotSendContentAfterARefusal) {
  Wire client = network_.connect("front:80");
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  Upstream upstream = accept();
  upstream.wire().send(h2_frames::frame(h2_frames::headers,
                                        h2_frames::kEndHeaders | h2_frames::kEndStream, 1,
                                        h2_frames::block({{":status", "413"}})));
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 413"));
  client.send("body");
  EXPECT_TRUE(upstream.frames(h2_frames::data).empty());
}

// The upstream has no room for the client's data, and then closes the connection.
TEST_F(ProxiedH2Test, AFullTunnelEndsWithItsConnection) {
  Wire client = network_.connect("front:80");
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  Upstream upstream = accept(h2_frames::number(8, 2) + h2_frames::number(1, 4));
  upstream.wire().send(h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, 1,
                                        h2_frames::block({{":status", "200"}})));
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 101"));
  client.send(std::string(400'000, 'x'));
  EXPECT_FALSE(client.at_end());
  upstream.wire().close();
  EXPECT_TRUE(client.at_end());
}

class ProxiedH2AtTheLimit : public ProxiedH2Test {
 protected:
  static Transport::Options one_connection() {
    Transport::Options options;
    options.max_connections = 1;
    return options;
  }
  ProxiedH2AtTheLimit() : ProxiedH2Test(one_connection()) {}
};

TEST_F(ProxiedH2AtTheLimit, ARequestWaitsForAStreamUntilTheQueueTimeout) {
  Wire first = get();
  Upstream upstream = accept(h2_frames::number(3, 2) + h2_frames::number(1, 4));  // one stream
  Wire second = get();
  network_.advance(3s);
  Wire third = get();
  upstream.answer(1);
  EXPECT_THAT(first.receive(), EndsWith("ok"));
  network_.advance(6s);
  EXPECT_THAT(third.receive(), StartsWith("HTTP/1.1 503"));
  upstream.answer(3);
  EXPECT_THAT(second.receive(), EndsWith("ok"));
}

TEST_F(ProxiedH2Test, ClosesAnIdleConnectionWithoutAPing) {
  Wire client = get();
  Upstream upstream = accept();
  upstream.answer(1);
  client.receive();
  network_.advance(10s);
  EXPECT_EQ(upstream.frames(h2_frames::goaway).size(), 1u);
  EXPECT_TRUE(upstream.frames(h2_frames::ping).empty());
  EXPECT_TRUE(upstream.wire().at_end());
}

// An upgrade waits for the SETTINGS. If its client leaves first, the connection is never used, and
// must not stay open for ever.
TEST_F(ProxiedH2Test, ClosesAConnectionThatIsNeverUsed) {
  Wire client = network_.connect("front:80");
  client.send("GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  Wire silent = network_.accept("up:80");
  client.close();
  network_.advance(20s);
  silent.receive();
  EXPECT_TRUE(silent.at_end());
}

// --- renewal of connections --------------------------------------------------------------------

class ProxiedH2OfAge : public ProxiedH2Test {
 protected:
  ProxiedH2OfAge() : ProxiedH2Test(options()) {}
  static Transport::Options options() {
    Transport::Options options;
    options.max_connection_age = 10s;
    options.max_connection_requests = 3;
    return options;
  }
};

TEST_F(ProxiedH2OfAge, AnOldConnectionFinishesItsRequestsAndTakesNoMore) {
  Wire one = get();
  Upstream old = accept();
  old.begin_answer(1);
  network_.advance(11s);
  Wire two = get();
  Upstream young = accept();
  young.answer(1);
  EXPECT_THAT(two.receive(), EndsWith("ok"));
  old.wire().send(h2_frames::frame(h2_frames::data, h2_frames::kEndStream, 1, "late"));
  EXPECT_THAT(one.receive(), HasSubstr("late"));
  old.wire().receive();
  EXPECT_TRUE(old.wire().at_end());
}

TEST_F(ProxiedH2OfAge, AConnectionTakesNoMoreThanItsRequestLimit) {
  Wire one = get();
  Upstream first = accept();
  Wire two = get();
  Wire three = get();
  EXPECT_EQ(first.frames(h2_frames::headers).size(), 3u);
  Wire four = get();
  Upstream second = accept();
  second.answer(1);
  EXPECT_THAT(four.receive(), EndsWith("ok"));
  for (const std::uint32_t stream : {1u, 3u, 5u})
    first.answer(stream);
  for (Wire* const client : {&one, &two, &three})
    EXPECT_THAT(client->receive(), EndsWith("ok"));
  first.wire().receive();
  EXPECT_TRUE(first.wire().at_end());
}

// The response and the reset arrive at once. The end of the upload must be reported all the same.
TEST_F(ProxiedH2Test, AnEarlyResponseEndsTheExchangeWhenTheUploadIsReset) {
  Wire client = network_.connect("front:80");
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n");
  Upstream upstream = accept();
  client.send(std::string(10'000'000, 'x'));
  for (int i = 0; i < 100; ++i)
    client.receive();
  upstream.wire().send(
      h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, 1,
                       h2_frames::block({{":status", "200"}, {"content-length", "2"}})) +
      h2_frames::frame(h2_frames::data, h2_frames::kEndStream, 1, "ok") +
      h2_frames::frame(h2_frames::rst_stream, 0, 1, h2_frames::number(0, 4)));
  std::string received;
  for (int i = 0; i < 100; ++i) {
    received += client.receive();
    network_.advance(100ms);
  }
  EXPECT_THAT(received, EndsWith("ok"));
  EXPECT_TRUE(client.at_end());
}

// Only the timeout can end this exchange: no other event reports that the rest is not read.
TEST_F(ProxiedH2Test, AnEarlyResponseEndsTheExchangeWhenTheUploadStalls) {
  Wire client = network_.connect("front:80");
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" +
              std::string(1'000'000, 'x'));
  Upstream upstream = accept();
  upstream.answer(1);
  EXPECT_THAT(client.receive(), EndsWith("ok"));
  bool was_reset = false;
  for (int i = 0; i < 80 && !was_reset; ++i) {
    for (const auto& frame : upstream.frames()) {
      was_reset = was_reset || frame.type == h2_frames::rst_stream;
      if (frame.type == h2_frames::ping)
        upstream.wire().send(h2_frames::frame(h2_frames::ping, h2_frames::kAck, 0, frame.payload));
    }
    network_.advance(10s);
  }
  EXPECT_TRUE(was_reset);
  EXPECT_FALSE(upstream.wire().at_end());
}

TEST_F(ProxiedH2Test, AnUploadWaitsForRoomWhileMemoryIsShort) {
  constexpr std::size_t kSize = 100'000;
  Wire client = network_.connect("front:80");
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
  constexpr std::uint32_t kInitialWindowSize = 4;
  Upstream upstream = accept(h2_frames::number(kInitialWindowSize, 2) + h2_frames::number(0, 4));
  EXPECT_EQ(upstream.frames(h2_frames::headers).size(), 1u);
  const ShortOfMemory nothing_grows;
  client.send(std::string(kSize, 'x'));
  EXPECT_TRUE(upstream.frames(h2_frames::data).empty());
  const std::string room = h2_frames::number(kSize, 4);
  for (const std::uint32_t stream : {0u, 1u})
    upstream.wire().send(h2_frames::frame(h2_frames::window_update, 0, stream, room));
  std::size_t received = 0;
  for (int i = 0; i < 10 && received < kSize; ++i) {
    for (const auto& frame : upstream.frames(h2_frames::data))
      received += frame.payload.size();
    EXPECT_EQ(client.receive(), "");  // lets the client send more data
  }
  EXPECT_EQ(received, kSize);
  upstream.answer(1);
  EXPECT_THAT(client.receive(), EndsWith("ok"));
}

// An extended CONNECT could not carry the method or the content, so the request is sent without it.
TEST_F(ProxiedH2Test, AnUpgradeKeepsItsMethodAndContent) {
  for (const std::string request :
       {"DELETE /x HTTP/1.1\r\n", "GET /x HTTP/1.1\r\nContent-Length: 4\r\n"}) {
    Wire client = network_.connect("front:80");
    client.send(request + "Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    const bool has_content = request.starts_with("GET");
    if (has_content) client.send("body");
    Upstream upstream = accept(h2_frames::number(8, 2) + h2_frames::number(1, 4));
    const auto all = upstream.frames();
    std::string content;
    bool ended = false;
    for (const auto& frame : all) {
      if (frame.type == h2_frames::data) content += frame.payload;
      const bool is_message = frame.type == h2_frames::headers || frame.type == h2_frames::data;
      ended = ended || (is_message && (frame.flags & h2_frames::kEndStream) != 0);
    }
    EXPECT_EQ(content, has_content ? "body" : "");
    EXPECT_TRUE(ended);  // a tunnel would be open
    upstream.answer(1);
    EXPECT_THAT(client.receive(), EndsWith("ok"));
  }
}

TEST_F(ProxiedH2Test, ATruncatedBodyClosesTheClientConnection) {
  Wire client = get();
  Upstream upstream = accept();
  upstream.wire().send(
      h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, 1,
                       h2_frames::block({{":status", "200"}, {"content-length", "5"}})));
  upstream.wire().send(h2_frames::frame(h2_frames::data, h2_frames::kEndStream, 1, "ok"));
  EXPECT_THAT(client.receive(), HasSubstr("content-length: 5"));
  EXPECT_TRUE(client.at_end());
}

}  // namespace
}  // namespace onehop
