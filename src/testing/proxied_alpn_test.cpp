// SPDX-License-Identifier: Apache-2.0
//
// A TLS upstream chooses HTTP/1.1 while several requests wait for connections to it.
#include "support/proxied.hpp"
#include "support/test_certificates.hpp"
#include "support/tls_peer.hpp"
#include "support/vocabulary.hpp"

#include <memory>
#include <string>

namespace onehop {
namespace {

using namespace test::vocabulary;

class ProxiedAlpn : public ::testing::Test {
 protected:
  ProxiedAlpn()
      : side_(test::TlsSide::server(certificates_.sign("up", "DNS:up.example"), "http/1.1")) {
    network_.listen("up.example:443");
    Transport::Options transport = network_.transport_options();
    transport.tls.ca_file = certificates_.ca_file();
    transport_ = std::make_shared<Transport>(transport);
    ReverseProxy::Options proxy;
    proxy.transport = transport_;
    proxy.rewrite = [](ProxyRequest& request) {
      request.set_url(Url::parse("https://up.example").value());
    };
    network_.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(proxy)),
                   exchanges_.options());
  }

  Wire ask(const std::string& target, const std::string& fields = {}) {
    Wire client = network_.connect("proxy:80");
    client.send("GET " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
    return client;
  }
  // A connection that the proxy has begun to make.
  struct Upstream {
    Wire wire;
    test::TlsPeer peer;
    // Completes the handshake and returns the request received.
    std::string request() {
      EXPECT_TRUE(peer.shake_hands(wire));
      return peer.content();
    }
    void answer(std::string_view text) {
      wire.send(peer.seal("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) +
                          "\r\n\r\n" + std::string(text)));
    }
  };
  Upstream accept() { return {network_.accept("up.example:443"), test::TlsPeer(side_)}; }

  TestCertificates certificates_;
  test::TlsSide side_;
  test::ExchangeLog exchanges_;
  Network network_;
  std::shared_ptr<Transport> transport_;
};

TEST_F(ProxiedAlpn, ANewConnectionServesTheRequestThatDialledIt) {
  Wire client = ask("/one");
  Upstream upstream = accept();
  EXPECT_THAT(upstream.request(), StartsWith("GET /one HTTP/1.1\r\n"));
  upstream.answer("one");
  EXPECT_EQ(body_of(client.receive()), "one");
  EXPECT_EQ(transport_->statistics().dialled, 1u);
}

// An upgrade always uses HTTP/1.1, so it takes the first connection that is ready. Its own
// connection then goes to the other request.
TEST_F(ProxiedAlpn, ANewConnectionServesAnyWaitingRequest) {
  Wire plain = ask("/plain");
  Upstream first = accept();
  Wire upgrading = ask("/upgrade", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
  Upstream second = accept();
  EXPECT_THAT(first.request(), StartsWith("GET /upgrade HTTP/1.1\r\n"));
  EXPECT_THAT(second.request(), StartsWith("GET /plain HTTP/1.1\r\n"));
  first.answer("not upgraded");
  second.answer("plain");
  EXPECT_EQ(body_of(upgrading.receive()), "not upgraded");
  EXPECT_EQ(body_of(plain.receive()), "plain");
  EXPECT_EQ(transport_->statistics().dialled, 2u);
  EXPECT_EQ(transport_->statistics().idle, 2u);
}

}  // namespace
}  // namespace onehop
