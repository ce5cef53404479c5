// SPDX-License-Identifier: Apache-2.0
//
// Upgraded connections through the whole path (RFC 9110 §7.8).
#include "http/websocket_handshake.hpp"
#include "support/h2_frames.hpp"
#include "support/proxied.hpp"
#include "support/vocabulary.hpp"

#include <string>

namespace onehop {
namespace {

using namespace test::vocabulary;

class ProxiedUpgrade : public test::Proxied {
 protected:
  static constexpr std::string_view kAsk =
      "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  static constexpr std::string_view kSwitch =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: x\r\n\r\n";
};

TEST_F(ProxiedUpgrade, JoinsBothConnections) {
  Wire client = this->client();
  client.send(kAsk);
  Wire backend = this->backend();
  const std::string asked = backend.receive();
  EXPECT_THAT(asked, HasSubstr("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
  backend.send(kSwitch);
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 101);
  EXPECT_THAT(answer, HasSubstr("\r\nUpgrade: websocket\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nSec-WebSocket-Accept: x\r\n"));
  for (const std::string text : {"a", "bc", "def"}) {
    client.send(text);
    EXPECT_EQ(backend.receive(), text);
    backend.send(text + text);
    EXPECT_EQ(client.receive(), text + text);
  }
  network_.advance(24h);  // silence is normal here
  client.send("still there");
  EXPECT_EQ(backend.receive(), "still there");
}

TEST_F(ProxiedUpgrade, DeliversEarlyData) {
  Wire client = this->client();
  client.send(std::string(kAsk) + "from the client");
  Wire backend = this->backend();
  EXPECT_THAT(backend.receive(), EndsWith("\r\n\r\n"));
  backend.send(std::string(kSwitch) + "from the backend");
  EXPECT_EQ(body_of(client.receive()), "from the backend");
  EXPECT_EQ(backend.receive(), "from the client");
}

// --- upgrades of requests with content -----------------------------------------------------------

struct Content {
  const char* name;
  std::string fields;
  std::string begin;  // of the content
  std::string rest;
};
class ProxiedUpgradeWithContent : public ProxiedUpgrade,
                                  public ::testing::WithParamInterface<Content> {
 protected:
  static std::string ask() {
    return "POST /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
           GetParam().fields + "\r\n";
  }
};

INSTANTIATE_TEST_SUITE_P(
    All,
    ProxiedUpgradeWithContent,
    ::testing::Values(
        Content{"Chunked", "Transfer-Encoding: chunked\r\n", "5\r\nab", "cde\r\n0\r\n\r\n"},
        Content{"ChunkedBeforeItsEnd", "Transfer-Encoding: chunked\r\n", "5\r\nabcde\r\n",
                "0\r\n\r\n"},
        Content{"WithALength", "Content-Length: 5\r\n", "ab", "cde"},
        Content{"NotBegun", "Content-Length: 5\r\n", "", "abcde"},
        Content{"Expected", "Content-Length: 5\r\nExpect: 100-continue\r\n", "", "abcde"}),
    [](const auto& each) { return std::string(each.param.name); });

// The content must be complete before the 101, or its rest would be taken for tunnel data.
TEST_P(ProxiedUpgradeWithContent, RejectsA101BeforeTheContentIsComplete) {
  Wire client = this->client();
  client.send(ask() + GetParam().begin);
  Wire backend = this->backend();
  std::string seen = backend.receive();
  EXPECT_THAT(seen, StartsWith("POST /chat "));
  backend.send(kSwitch);
  client.send(GetParam().rest + "tunnelled");
  EXPECT_EQ(status_of(client.receive()), 502);
  seen += backend.receive();
  EXPECT_THAT(seen, Not(HasSubstr("tunnelled")));
  EXPECT_TRUE(backend.at_end());
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_FALSE(exchanges_.last().upgraded);
  ASSERT_TRUE(exchanges_.last().failed_with(Errc::bad_response));
  EXPECT_EQ(exchanges_.last().failure->detail(), "a 101 before the end of the request");
}

TEST_P(ProxiedUpgradeWithContent, OpensTheTunnelAfterTheContent) {
  Wire client = this->client();
  client.send(ask() + GetParam().begin);
  Wire backend = this->backend();
  std::string seen = backend.receive();
  if (GetParam().fields.find("Expect") != std::string::npos) {
    backend.send("HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(status_of(client.receive()), 100);
  }
  client.send(GetParam().rest);
  seen += backend.receive();
  EXPECT_THAT(seen, ::testing::AnyOf(EndsWith("\r\n\r\nabcde"), EndsWith("\r\n0\r\n\r\n")));
  backend.send(kSwitch);
  EXPECT_EQ(status_of(client.receive()), 101);
  client.send("tunnelled");
  EXPECT_EQ(backend.receive(), "tunnelled");
  backend.send("back");
  EXPECT_EQ(client.receive(), "back");
}

// If tunnels were not counted, an upstream would get more than max_connections connections.
TEST_F(ProxiedUpgrade, ATunnelCountsAsAConnection) {
  Transport::Options transport;
  transport.max_connections = 1;
  start(transport);
  Wire client = this->client();
  client.send(kAsk);
  Wire tunnel = backend();
  tunnel.receive();
  tunnel.send(kSwitch);
  EXPECT_EQ(status_of(client.receive()), 101);
  EXPECT_EQ(transport_->statistics().open, 1u);
  Wire other = this->client();
  other.send(get());
  EXPECT_TRUE(nobody_connects());
  client.close();
  EXPECT_TRUE(tunnel.at_end());
  tunnel.close();
  Wire next = backend();
  next.receive();
  next.send(ok("done"));
  EXPECT_EQ(body_of(other.receive()), "done");
}

TEST_F(ProxiedUpgrade, ForwardsHalfCloses) {
  Wire client = this->client();
  client.send(kAsk);
  Wire backend = this->backend();
  backend.receive();
  backend.send(kSwitch);
  client.receive();
  client.send("last words");
  client.close_write();
  EXPECT_EQ(backend.receive(), "last words");
  EXPECT_TRUE(backend.at_end());
  EXPECT_EQ(exchanges_.size(), 0u);
  backend.send("answer");
  EXPECT_EQ(client.receive(), "answer");
  backend.close_write();
  EXPECT_TRUE(client.at_end());
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_TRUE(exchanges_.last().upgraded);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
  EXPECT_EQ(exchanges_.last().request_body, 10u);
  EXPECT_EQ(exchanges_.last().response_body, 6u);
}

TEST_F(ProxiedUpgrade, EndsWithEitherSide) {
  for (const bool by_client : {true, false}) {
    Wire client = this->client();
    client.send(kAsk);
    Wire backend = this->backend();
    backend.receive();
    backend.send(kSwitch);
    client.receive();
    Wire& first = by_client ? client : backend;
    Wire& other = by_client ? backend : client;
    first.reset();
    EXPECT_TRUE(other.at_end());
    EXPECT_EQ(exchanges_.last().outcome, by_client ? Outcome::client_gone : Outcome::aborted);
    EXPECT_EQ(transport_->statistics().open, 0u);
  }
}

// The far end of the tunnel must outlive its waiters. Only a sanitizer finds a violation.
TEST_F(ProxiedUpgrade, EndsWithTheConnectionOfAnHttp2Client) {
  Wire client = this->client();
  client.send(std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0));
  const std::string ask = h2_frames::block({{":method", "CONNECT"},
                                            {":protocol", "websocket"},
                                            {":scheme", "http"},
                                            {":path", "/chat"},
                                            {":authority", "h"}});
  client.send(h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, 1, ask));
  Wire backend = this->backend();
  const std::string asked = backend.receive();
  EXPECT_THAT(asked, StartsWith("GET /chat "));
  constexpr std::string_view kKey = "sec-websocket-key: ";
  const std::size_t key = asked.find(kKey);
  ASSERT_NE(key, std::string::npos);
  const std::string accept = websocket_accept(asked.substr(key + kKey.size(), 24));
  backend.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: " +
      accept + "\r\n\r\n");
  client.receive();
  client.close();
  EXPECT_TRUE(backend.at_end());
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_TRUE(exchanges_.last().upgraded);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
}

TEST_F(ProxiedUpgrade, MayBeRefused) {
  Wire client = this->client();
  client.send(kAsk);
  Wire backend = this->backend();
  backend.receive();
  backend.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(body_of(client.receive()), "no");
  client.send(get());
  EXPECT_THAT(backend.receive(), StartsWith("GET / "));
}

TEST_F(ProxiedUpgrade, RejectsASwitchToAnotherProtocol) {
  Wire client = this->client();
  client.send(kAsk);
  Wire backend = this->backend();
  backend.receive();
  backend.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_TRUE(backend.at_end());
}

TEST_F(ProxiedUpgrade, IsNotRequestedForUnknownProtocols) {
  for (const char* protocol : {"h2c", "other"}) {
    Wire client = this->client();
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: " +
                std::string(protocol) + "\r\nHTTP2-Settings: x\r\n\r\n");
    Wire backend = this->backend();
    const std::string asked = backend.receive();
    EXPECT_THAT(asked, Not(HasSubstr("pgrade")));
    EXPECT_THAT(asked, Not(HasSubstr("HTTP2-Settings")));
  }
}

}  // namespace
}  // namespace onehop
