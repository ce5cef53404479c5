// SPDX-License-Identifier: Apache-2.0
//
// Cuts a TLS connection before each byte of a message, or changes that byte: inside records,
// between them, and in close_notify. A message that did not arrive whole and unchanged must not
// look complete.
#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "support/asking_client.hpp"
#include "support/h2_frames.hpp"
#include "support/messages.hpp"
#include "support/test_certificates.hpp"
#include "support/tls_peer.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace std::chrono_literals;
using test::AskingClient;
using test::Protocol;
using test::Received;
using test::TlsPeer;
using test::TlsSide;
using test::Way;
using testing::Wire;

constexpr std::string_view kContent = "helloworld";

// A message, divided into its records.
struct Message {
  const char* name;
  std::vector<std::string> records;
  bool ends_with_goodbye = false;  // without close_notify its end is unknown
};

TestCertificates& certificates() {
  static TestCertificates made;
  return made;
}

const TlsCertificate& certificate() {
  static const TlsCertificate made = certificates().sign("peer", "DNS:backend,DNS:proxy");
  return made;
}

class TlsFaults : public ::testing::Test {
 protected:
  // Starts a plaintext proxy before a TLS backend, or vice versa.
  void start(bool backend_has_tls) {
    network_.listen("backend:443");
    Transport::Options transport = network_.transport_options();
    transport.tls.ca_file = certificates().ca_file();
    transport.response_timeout = transport.activity_timeout = 10s;
    ReverseProxy::Options proxy;
    proxy.transport = std::make_shared<Transport>(transport);
    proxy.rewrite = [backend_has_tls](ProxyRequest& request) {
      request.set_url(
          Url::parse(backend_has_tls ? "https://backend" : "http://backend:443").value());
    };
    Server::Options server = exchanges_.options();
    if (!backend_has_tls) {
      server.tls.emplace();
      server.tls->certificates = {certificate()};
    }
    network_.serve("proxy:443", std::make_shared<ReverseProxy>(std::move(proxy)), server);
  }

  struct Sealed {
    std::string data;
    std::size_t needed = 0;  // bytes needed for the whole message
  };
  static Sealed seal(TlsPeer& peer, const Message& message) {
    Sealed sealed;
    for (const std::string& record : message.records)
      sealed.data += peer.seal(record);
    sealed.needed = sealed.data.size();
    sealed.data += peer.seal_goodbye();
    if (message.ends_with_goodbye) sealed.needed = sealed.data.size();
    return sealed;
  }
  static void send(Wire& wire, std::string data, Way way, std::size_t at) {
    if (way == Way::garble && at < data.size()) {
      data[at] = static_cast<char>(data[at] ^ 1);
    } else {
      data.resize(at);
    }
    wire.send(data);
    if (way == Way::reset) return wire.reset();
    wire.close();
  }
  static std::string where(const Message& message, Way way, std::size_t at) {
    return std::string(message.name) + ": " + std::string(name_of(way)) + " at " +
           std::to_string(at) + ": ";
  }
  // Tries every fault at each byte, or at a sample of them in unoptimised builds. `try_it` returns
  // the number of bytes.
  template <class Function>
  static void everywhere(Function try_it) {
#ifdef NDEBUG
    constexpr std::size_t kStep = 1;
#else
    constexpr std::size_t kStep = 7;
#endif
    for (const Way way : {Way::close, Way::reset, Way::garble}) {
      std::size_t size = 1;
      for (std::size_t at = 0; at <= size && !HasFailure(); at += kStep)
        size = try_it(way, at);
    }
  }
  void wait_for_timeouts() {
    for (int i = 0; i < 6; ++i)
      network_.advance(11s);
  }

  test::ExchangeLog exchanges_;
  testing::Network network_;
};

// --- of the backend ----------------------------------------------------------------------------

std::vector<Message> answers_of_h1() {
  return {{"length", {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", "world"}},
          {"chunked",
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "5\r\nworld\r\n0\r\n\r\n"}},
          {"until close", {"HTTP/1.1 200 OK\r\n\r\nhello", "world"}, true}};
}

std::vector<Message> answers_of_h2() {
  using namespace h2_frames;
  return {{"HTTP/2",
           {frame(settings, 0, 0) + frame(headers, kEndHeaders, 1, block({{":status", "200"}})) +
                frame(data, 0, 1, "hello"),
            frame(data, kEndStream, 1, "world")}}};
}

class TlsBackendFaults : public TlsFaults, public ::testing::WithParamInterface<Protocol> {
 protected:
  // Returns the size of the response in bytes.
  std::size_t fail(const TlsSide& side, const Message& answer, Way way, std::size_t at) {
    const auto client = AskingClient::make(GetParam(), network_.connect("proxy:443"));
    client->ask({"POST", "POST", 1}, "id");  // must not be sent again
    Wire wire = network_.accept("backend:443");
    TlsPeer peer(side);
    EXPECT_TRUE(peer.shake_hands(wire));
    const Sealed sealed = seal(peer, answer);
    const std::size_t records = exchanges_.size();
    send(wire, sealed.data, way, at);
    Received received = client->answer();
    if (received.end == Received::End::open) {
      wait_for_timeouts();
      received = client->answer();
    }
    const bool is_whole = at >= sealed.needed;
    EXPECT_EQ(received.is_whole() && received.status == 200 && received.body == kContent, is_whole)
        << where(answer, way, at) << describe(received);
    const bool is_failure =
        received.is_whole() && (received.status == 502 || received.status == 504);
    EXPECT_TRUE(is_whole || is_failure || received.end == Received::End::broken)
        << where(answer, way, at) << describe(received);
    EXPECT_EQ(exchanges_.size(), records + 1);
    EXPECT_EQ(exchanges_.last().failure.has_value(), !is_whole) << where(answer, way, at);
    return sealed.data.size();
  }
  void fail_everywhere(const std::vector<Message>& answers, std::string_view protocol) {
    start(true);
    const TlsSide side = TlsSide::server(certificate(), protocol);
    for (const Message& answer : answers)
      everywhere([&](Way way, std::size_t at) { return fail(side, answer, way, at); });
  }
};

INSTANTIATE_TEST_SUITE_P(All,
                         TlsBackendFaults,
                         ::testing::Values(Protocol::h1, Protocol::h2),
                         [](const auto& each) {
                           return each.param == Protocol::h1 ? "ForHttp1" : "ForHttp2";
                         });

TEST_P(TlsBackendFaults, InAResponseOverHttp1) {
  fail_everywhere(answers_of_h1(), "http/1.1");
}

TEST_P(TlsBackendFaults, InAResponseOverHttp2) {
  fail_everywhere(answers_of_h2(), "h2");
}

// --- of the client -----------------------------------------------------------------------------

std::vector<Message> requests_of_h1() {
  return {{"length", {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello", "world"}},
          {"chunked",
           {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "5\r\nworld\r\n0\r\n\r\n"}}};
}

std::vector<Message> requests_of_h2() {
  using namespace h2_frames;
  const std::string head =
      block({{":method", "POST"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/"}});
  return {{"HTTP/2",
           {std::string(kPreface) + frame(settings, 0, 0) + frame(headers, kEndHeaders, 1, head) +
                frame(data, 0, 1, "hello"),
            frame(data, kEndStream, 1, "world")}}};
}

class TlsClientFaults : public TlsFaults {
 protected:
  std::optional<Wire> backend() {
    try {
      return network_.accept("backend:443");
    } catch (const std::out_of_range&) {
      return std::nullopt;
    }
  }
  // Returns the size of the request in bytes.
  std::size_t fail(const TlsSide& side, const Message& request, Way way, std::size_t at) {
    Wire wire = network_.connect("proxy:443");
    TlsPeer peer(side);
    EXPECT_TRUE(peer.shake_hands(wire));
    const Sealed sealed = seal(peer, request);
    send(wire, sealed.data, way, at);
    wait_for_timeouts();
    auto backend = this->backend();
    const std::string asked = backend ? backend->receive() : std::string();
    const test::H1Message arrived = test::read_h1_request(asked);
    const bool is_whole = at >= sealed.needed;
    EXPECT_EQ(arrived.is_whole() && arrived.body == kContent, is_whole)
        << where(request, way, at) << asked;
    EXPECT_TRUE(is_whole || !backend || backend->at_end()) << where(request, way, at);
    EXPECT_FALSE(this->backend()) << "a second attempt";
    return sealed.data.size();
  }
  void fail_everywhere(const std::vector<Message>& requests, std::string_view protocol) {
    start(false);
    const TlsSide side = TlsSide::client(certificates().ca_file(), protocol);
    for (const Message& request : requests)
      everywhere([&](Way way, std::size_t at) { return fail(side, request, way, at); });
  }
};

TEST_F(TlsClientFaults, InARequestOverHttp1) {
  fail_everywhere(requests_of_h1(), "http/1.1");
}

TEST_F(TlsClientFaults, InARequestOverHttp2) {
  fail_everywhere(requests_of_h2(), "h2");
}

}  // namespace
}  // namespace onehop
