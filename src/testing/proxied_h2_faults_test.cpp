// SPDX-License-Identifier: Apache-2.0
//
// Faults after the head of a message over HTTP/2: invalid trailers, and tunnels whose far end stops
// reading.
#include <onehop/reverse_proxy.hpp>
#include <onehop/scope.hpp>

#include "http/websocket_handshake.hpp"
#include "support/asking_client.hpp"
#include "support/h1_message.hpp"
#include "support/h2_frames.hpp"
#include "support/h2_peer.hpp"
#include "support/served.hpp"
#include "support/vocabulary.hpp"

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace onehop {
namespace {

using namespace test::vocabulary;
using h2_frames::frame;
using h2_frames::kEndHeaders;
using h2_frames::kEndStream;

constexpr std::uint8_t kEndBoth = kEndHeaders | kEndStream;

// An HTTP/2 client that sends hand-written frames.
class FrameClient {
 public:
  explicit FrameClient(Wire wire) : wire_(std::move(wire)) {
    wire_.send(std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0));
  }
  void send(const std::string& data) { wire_.send(data); }
  const test::H2Peer::Message& answer(std::uint32_t stream) {
    peer_.take(wire_.receive());
    return peer_.streams()[stream];
  }

 private:
  Wire wire_;
  test::H2Peer peer_;
};

// --- trailers ----------------------------------------------------------------------------------

struct Trailers {
  const char* name;
  std::string block;
  int status = 0;  // of the response to a request with these trailers; 0 if its stream is reset
  std::uint8_t flags = kEndBoth;
};

void PrintTo(const Trailers& trailers, std::ostream* out) {
  *out << trailers.name;
}

std::string lines(int count, std::string_view value) {
  std::string block;
  for (int i = 0; i < count; ++i)
    block += h2_frames::block({{"x-" + std::to_string(i), value}});
  return block;
}

std::vector<Trailers> bad_trailers() {
  using h2_frames::block;
  return {{"TeIsForHeads", block({{"te", "trailers"}})},
          {"TooManyLines", lines(21, "v"), 431},
          {"TooManyBytes", lines(10, std::string(120, 'v')), 431},
          {"FarTooManyBytes", lines(40, std::string(120, 'v'))},
          {"NameInCapitals", block({{"X-A", "v"}})},
          {"NameIsNoToken", block({{"x a", "v"}})},
          {"ValueWithAnEndOfLine", block({{"x-a", "v\r\nx-b: w"}})},
          {"ValueWithANul", block({{"x-a", std::string_view("v\0w", 3)}})},
          {"PseudoField", block({{":path", "/other"}})},
          {"ConnectionSpecific", block({{"connection", "close"}})},
          {"NotTheEnd", block({{"x-a", "v"}}), 0, kEndHeaders}};
}

class ProxiedH2Trailers : public test::Served, public ::testing::WithParamInterface<Trailers> {
 protected:
  // The same limits in both directions.
  void start(const char* target) {
    network_.listen("backend:80");
    Transport::Options transport = network_.transport_options();
    transport.max_response_header_bytes = 1024;
    transport.max_response_header_fields = 20;
    ReverseProxy::Options proxy;
    proxy.transport = std::make_shared<Transport>(transport);
    proxy.rewrite = [url = Url::parse(target).value()](ProxyRequest& request) {
      request.set_url(url);
    };
    Server::Options server;
    server.max_request_line = 100;
    server.max_header_bytes = 1024;
    server.max_header_fields = 20;
    network_.serve("s:80", std::make_shared<ReverseProxy>(std::move(proxy)),
                   exchanges_.watch(std::move(server)));
  }
  static std::string head(std::string_view method) {
    return h2_frames::block(
        {{":method", method}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}});
  }
};

INSTANTIATE_TEST_SUITE_P(All,
                         ProxiedH2Trailers,
                         ::testing::ValuesIn(bad_trailers()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(ProxiedH2Trailers, FailTheRequestIfInvalid) {
  start("http://backend");
  FrameClient client(network_.connect("s:80"));
  client.send(frame(h2_frames::headers, kEndHeaders, 1, head("POST")) +
              frame(h2_frames::data, 0, 1, "content"));
  Wire backend = network_.accept("backend:80");
  client.send(frame(h2_frames::headers, GetParam().flags, 1, GetParam().block));
  const std::string asked = backend.receive();
  EXPECT_THAT(asked, HasSubstr("content"));
  EXPECT_FALSE(test::read_h1_request(asked).is_whole());
  EXPECT_TRUE(backend.at_end());
  const auto& answer = client.answer(1);
  if (GetParam().status != 0) {
    EXPECT_EQ(test::value_of(answer.head, ":status"), std::to_string(GetParam().status));
  } else {
    EXPECT_FALSE(answer.has_head);
    EXPECT_TRUE(answer.reset);
  }
  ASSERT_EQ(exchanges_.size(), 1u);
  ASSERT_TRUE(exchanges_.last().failure);
  EXPECT_EQ(exchanges_.last().failure->side(), Side::client);

  client.send(frame(h2_frames::headers, kEndBoth, 3, head("GET")));
  network_.accept("backend:80").send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(test::value_of(client.answer(3).head, ":status"), "204");
}

TEST_P(ProxiedH2Trailers, AbortTheResponseIfInvalid) {
  start("h2c://backend:80");
  for (const auto protocol : {test::Protocol::h1, test::Protocol::h2}) {
    const auto client = test::AskingClient::make(protocol, network_.connect("s:80"));
    client->ask({"GET"}, "id");
    Wire backend = network_.accept("backend:80");
    backend.send(frame(h2_frames::settings, 0, 0) +
                 frame(h2_frames::headers, kEndHeaders, 1, h2_frames::block({{":status", "200"}})) +
                 frame(h2_frames::data, 0, 1, "content"));
    EXPECT_EQ(client->answer().end, test::Received::End::open);
    backend.send(frame(h2_frames::headers, GetParam().flags, 1, GetParam().block));
    const test::Received received = client->answer();
    EXPECT_EQ(received.end, test::Received::End::broken);
    EXPECT_EQ(received.body, "content");
    EXPECT_TRUE(received.trailers.empty());
    EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
    ASSERT_TRUE(exchanges_.last().failure);
    EXPECT_EQ(exchanges_.last().failure->side(), Side::upstream);
  }
}

// --- resets after the head ---------------------------------------------------------------------

struct ResetCode {
  const char* name;
  std::uint32_t upstream;  // the code of the upstream's reset
  std::uint32_t client;    // the code that the client gets
};

class ProxiedH2ResetCode : public test::Served, public ::testing::WithParamInterface<ResetCode> {
 protected:
  void SetUp() override {
    network_.listen("backend:80");
    ReverseProxy::Options proxy;
    proxy.transport = std::make_shared<Transport>(network_.transport_options());
    proxy.rewrite = [](ProxyRequest& request) {
      request.set_url(Url::parse("h2c://backend:80").value());
    };
    network_.serve("s:80", std::make_shared<ReverseProxy>(std::move(proxy)), exchanges_.options());
  }
};

INSTANTIATE_TEST_SUITE_P(All,
                         ProxiedH2ResetCode,
                         ::testing::Values(ResetCode{"ProtocolError", 1, 1},
                                           ResetCode{"InternalError", 2, 2},
                                           ResetCode{"RefusedStream", 7, 7},
                                           ResetCode{"Cancel", 8, 8},
                                           ResetCode{"EnhanceYourCalm", 11, 11},
                                           ResetCode{"Http11Required", 13, 13},
                                           // The response is not complete, which NO_ERROR would
                                           // hide.
                                           ResetCode{"NoError", 0, 2}),
                         [](const auto& each) { return std::string(each.param.name); });

// Clients such as those of gRPC decide from the code whether to retry.
TEST_P(ProxiedH2ResetCode, OfTheUpstreamReachesTheClient) {
  FrameClient client(network_.connect("s:80"));
  client.send(
      frame(h2_frames::headers, kEndBoth, 1,
            h2_frames::block(
                {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}})));
  Wire backend = network_.accept("backend:80");
  backend.send(frame(h2_frames::settings, 0, 0) +
               frame(h2_frames::headers, kEndHeaders, 1, h2_frames::block({{":status", "200"}})) +
               frame(h2_frames::data, 0, 1, "content"));
  EXPECT_EQ(test::value_of(client.answer(1).head, ":status"), "200");
  EXPECT_FALSE(client.answer(1).reset);
  backend.send(frame(h2_frames::rst_stream, 0, 1, h2_frames::number(GetParam().upstream, 4)));
  const auto& answer = client.answer(1);
  EXPECT_EQ(answer.body, "content");
  EXPECT_FALSE(answer.ended);
  EXPECT_EQ(answer.reset, GetParam().client);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
  ASSERT_TRUE(exchanges_.last().failure);
  EXPECT_EQ(exchanges_.last().failure->side(), Side::upstream);
}

// --- tunnels -----------------------------------------------------------------------------------

class ProxiedH2Tunnel : public test::Served {
 protected:
  static std::string ask() {
    return frame(h2_frames::headers, kEndHeaders, 1,
                 h2_frames::block({{":method", "CONNECT"},
                                   {":protocol", "websocket"},
                                   {":scheme", "http"},
                                   {":path", "/chat"},
                                   {":authority", "h"}}));
  }
  // Accepts only the first piece.
  class Narrow final : public Tunnel {
   public:
    explicit Narrow(bool& gone) : witness_(gone) {}
    task<Result<bytes>> read() override {
      co_await sleep_for(24h);
      co_return bytes();
    }
    task<Result<void>> write(bytes) override {
      if (std::exchange(used_, true)) co_return failure(Errc::closed, Side::upstream, "no more");
      co_return Result<void>();
    }
    void close_write() override {}

   private:
    test::Witness witness_;
    bool used_ = false;
  };
};

TEST_F(ProxiedH2Tunnel, EndsWhenTheFarEndStopsReading) {
  bool gone = false;
  FrameClient client(connect([&gone](const Request& request) {
    const std::string accept =
        websocket_accept(request.headers().get_or_empty("sec-websocket-key"));
    Response response(Status::switching_protocols,
                      Headers({{"upgrade", "websocket"}, {"sec-websocket-accept", accept}}));
    response.set_tunnel(std::make_unique<Narrow>(gone));
    return response;
  }));
  client.send(ask());
  client.send(frame(h2_frames::data, 0, 1, "first"));
  EXPECT_EQ(test::value_of(client.answer(1).head, ":status"), "200");
  EXPECT_FALSE(client.answer(1).reset);
  client.send(frame(h2_frames::data, 0, 1, "second"));
  EXPECT_TRUE(client.answer(1).reset);
  EXPECT_TRUE(gone);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_TRUE(exchanges_.last().upgraded);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
  ASSERT_TRUE(exchanges_.last().failed_with(Errc::closed));
  EXPECT_EQ(exchanges_.last().failure->phase(), Phase::tunnel);
}

// The upstream ends the tunnel while the handler does not read it. The next write must report the
// end.
TEST_F(ProxiedH2Tunnel, WritingFailsAfterItsStreamIsClosed) {
  struct Telling final : Handler {
    explicit Telling(Transport t) : transport(std::move(t)) {}
    task<Response> serve(Request) const override {
      Request upgrade(Method::get, Url::parse("h2c://backend:80/chat").value(),
                      Headers({{"Host", "backend"}, {"Upgrade", "websocket"}}));
      auto response = co_await transport.round_trip(std::move(upgrade));
      if (!response || !response->tunnel()) co_return Response(Status::bad_gateway, "no tunnel");
      const auto tunnel = response->take_tunnel();
      auto first = co_await tunnel->write("first");
      if (!first) co_return Response(Status::bad_gateway, "not open");
      co_await sleep_for(1s);
      auto second = co_await tunnel->write("second");
      tunnel->close_write();
      co_return Response(Status::ok, second ? "written" : second.error().to_string());
    }
    Transport transport;
  };
  network_.listen("backend:80");
  network_.serve("s:80", std::make_shared<Telling>(Transport(network_.transport_options())));
  const std::pair<std::string, const char*> ends[] = {
      {frame(h2_frames::rst_stream, 0, 1, h2_frames::number(2, 4)), "INTERNAL_ERROR"},
      {frame(h2_frames::goaway, 0, 0, h2_frames::number(0, 8)), "a GOAWAY excluded the request"},
      {"", "connection was lost"}};  // "" closes the connection
  for (const auto& [end, why] : ends) {
    Wire client = network_.connect("s:80");
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    Wire backend = network_.accept("backend:80");
    backend.send(
        frame(h2_frames::settings, 0, 0, h2_frames::number(8, 2) + h2_frames::number(1, 4)));
    backend.send(frame(h2_frames::headers, kEndHeaders, 1, h2_frames::block({{":status", "200"}})));
    EXPECT_THAT(backend.receive(), HasSubstr("first"));
    if (end.empty()) {
      backend.close();
    } else {
      backend.send(end);
    }
    network_.advance(1s);
    const std::string told = client.receive();
    EXPECT_EQ(status_of(told), 200);
    EXPECT_THAT(body_of(told), AllOf(StartsWith("tunnel: "), HasSubstr(why)));
  }
}

// The connection is useless after the tunnel. It must not be closed before its socket has accepted
// all data, or the data would be lost although the exchange counts as complete.
TEST_F(ProxiedH2Tunnel, DeliversAllDataBeforeItsConnectionCloses) {
  constexpr std::size_t kSize = 300'000;
  constexpr std::uint32_t kLarge = 0x4000'0000;
  network_.listen("backend:80");
  ReverseProxy::Options proxy;
  proxy.transport = std::make_shared<Transport>(network_.transport_options());
  proxy.rewrite = [](ProxyRequest& request) {
    request.set_url(Url::parse("h2c://backend:80").value());
  };
  network_.serve("s:80", std::make_shared<ReverseProxy>(std::move(proxy)), exchanges_.options());
  Wire client = network_.connect("s:80");
  client.send(
      "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  Wire backend = network_.accept("backend:80");
  backend.send(frame(h2_frames::settings, 0, 0,
                     h2_frames::number(8, 2) + h2_frames::number(1, 4) + h2_frames::number(4, 2) +
                         h2_frames::number(kLarge, 4)) +
               frame(h2_frames::window_update, 0, 0, h2_frames::number(kLarge, 4)));
  test::H2Peer peer;
  peer.take(backend.receive());
  backend.limit_receiving(0);
  backend.send(frame(h2_frames::headers, kEndHeaders, 1, h2_frames::block({{":status", "200"}})) +
               frame(h2_frames::goaway, 0, 0, h2_frames::number(1, 4) + h2_frames::number(0, 4)));
  EXPECT_EQ(status_of(client.receive()), 101);
  client.send(std::string(kSize, 'x'));
  client.close_write();
  backend.send(frame(h2_frames::data, kEndStream, 1, "bye"));
  backend.limit_receiving(100'000);  // so that the rest is in flight when the tunnel ends
  peer.take(backend.receive());
  EXPECT_EQ(client.receive(), "bye");
  network_.advance(10s);
  backend.limit_receiving(no_limit);
  for (int i = 0; i < 10; ++i)
    peer.take(backend.receive());
  EXPECT_EQ(peer.streams()[1].body.size(), kSize);
  EXPECT_TRUE(peer.streams()[1].ended);
  EXPECT_TRUE(backend.at_end());
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
}

// Requests must fail at once, even if the backend has not read earlier data.
TEST_F(ProxiedH2Tunnel, FailsRequestsOnAFailedConnectionAtOnce) {
  constexpr std::uint32_t kLarge = 0x4000'0000;
  network_.listen("backend:80");
  ReverseProxy::Options proxy;
  proxy.transport = std::make_shared<Transport>(network_.transport_options());
  proxy.rewrite = [](ProxyRequest& request) {
    request.set_url(Url::parse("h2c://backend:80").value());
  };
  network_.serve("s:80", std::make_shared<ReverseProxy>(std::move(proxy)), exchanges_.options());
  Wire tunnel = network_.connect("s:80");
  tunnel.send(
      "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  Wire backend = network_.accept("backend:80");
  backend.send(frame(h2_frames::settings, 0, 0,
                     h2_frames::number(8, 2) + h2_frames::number(1, 4) + h2_frames::number(4, 2) +
                         h2_frames::number(kLarge, 4)) +
               frame(h2_frames::window_update, 0, 0, h2_frames::number(kLarge, 4)));
  backend.receive();
  backend.send(frame(h2_frames::headers, kEndHeaders, 1, h2_frames::block({{":status", "200"}})));
  EXPECT_EQ(status_of(tunnel.receive()), 101);
  Wire client = network_.connect("s:80");
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  backend.receive();
  backend.limit_receiving(0);
  tunnel.send(std::string(300'000, 'x'));
  EXPECT_EQ(client.receive(), "");
  std::string pings;  // so many that their unread responses count as a flood
  for (int i = 0; i < 3000; ++i)
    pings += frame(h2_frames::ping, 0, 0, "12345678");
  backend.send(pings);
  EXPECT_EQ(status_of(client.receive()), 502);
}

// If the end of the tunnel came too early, the backend would take truncated content for complete.
TEST_F(ProxiedH2Tunnel, DeliversAllDataAfterAGoawayFromTheClient) {
  constexpr std::size_t kSize = 200'000;
  network_.listen("backend:80");
  ReverseProxy::Options proxy;
  proxy.transport = std::make_shared<Transport>(network_.transport_options());
  proxy.rewrite = [](ProxyRequest& request) {
    request.set_url(Url::parse("http://backend:80").value());
  };
  network_.serve("s:80", std::make_shared<ReverseProxy>(std::move(proxy)), exchanges_.options());
  Wire client = network_.connect("s:80");
  test::H2Peer peer;
  client.send(std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0) + ask());
  Wire backend = network_.accept("backend:80");
  const auto request = test::read_h1_request(backend.receive());
  const std::string_view key = test::value_of(request.fields, "sec-websocket-key");
  backend.limit_receiving(0);
  backend.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: " +
      websocket_accept(key) + "\r\n\r\n");
  peer.take(client.receive());
  client.send(peer.replies());
  for (std::size_t sent = 0; sent < kSize; sent += 10'000)
    client.send(frame(h2_frames::data, 0, 1, std::string(10'000, 'x')));
  client.send(frame(h2_frames::data, kEndStream, 1));
  backend.close_write();
  peer.take(client.receive());
  EXPECT_TRUE(peer.streams()[1].ended);
  client.send(frame(h2_frames::goaway, 0, 0, h2_frames::number(0, 8)));
  network_.advance(10s);
  EXPECT_EQ(exchanges_.size(), 0u);
  backend.limit_receiving(no_limit);
  std::string arrived;
  for (int i = 0; i < 10; ++i)
    arrived += backend.receive();
  EXPECT_EQ(arrived.size(), kSize);
  EXPECT_TRUE(backend.at_end());
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
}

}  // namespace
}  // namespace onehop
