// SPDX-License-Identifier: Apache-2.0
//
// Servers and transports with TLS in one process.
#include <onehop/testing.hpp>

#include "support/test_certificates.hpp"
#include "support/tls_peer.hpp"

#include <chrono>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using ::testing::HasSubstr;

class ProxiedTls : public ::testing::Test {
 protected:
  ProxiedTls() : recorder_(testing::recorder(Status::ok, "secret")) {
    TlsServerOptions tls;
    tls.certificates = {certificates_.sign("s", "DNS:s.example")};
    options_.tls = tls;
  }
  std::string get(const Transport& transport, std::string_view url) {
    auto result = network_.run(transport.round_trip(testing::request("GET " + std::string(url))));
    if (!result) return result.error().to_string();
    auto text = network_.run(result->body().read_all(1000));
    return text ? *text : text.error().to_string();
  }
  Transport::Options trusting() {
    Transport::Options options = network_.transport_options();
    options.tls.ca_file = certificates_.ca_file();
    return options;
  }

  TestCertificates certificates_;
  testing::Network network_;
  std::shared_ptr<testing::Recorder> recorder_;
  Server::Options options_;
};

TEST_F(ProxiedTls, ReusesConnectionsAndShowsTheirTlsInfo) {
  std::string seen;
  network_.serve("s.example:443", make_handler([&seen](Request request) {
                   const TlsInfo* const tls = request.connection().tls_info;
                   seen =
                       tls ? std::string(tls->version) + " " + std::string(tls->server_name) : "";
                   return Response(Status::ok, "secret");
                 }),
                 options_);
  const Transport transport(trusting());
  EXPECT_EQ(get(transport, "https://s.example/"), "secret");
  EXPECT_EQ(get(transport, "https://s.example/"), "secret");
  EXPECT_EQ(transport.statistics().dialled, 1U);
  EXPECT_EQ(transport.statistics().reused, 1U);
  EXPECT_EQ(seen, "TLSv1.3 s.example");
}

TEST_F(ProxiedTls, KeepsPlainAndTlsConnectionsToOneHostApart) {
  network_.serve("s.example:443", recorder_, options_);
  const Transport transport(trusting());
  EXPECT_EQ(get(transport, "https://s.example:443/"), "secret");
  EXPECT_NE(get(transport, "http://s.example:443/"), "secret");
  EXPECT_EQ(get(transport, "https://s.example:443/"), "secret");
  EXPECT_EQ(recorder_->count(), 2U);
}

TEST_F(ProxiedTls, ReportsAHostNameMismatch) {
  network_.serve("other.example:443", recorder_, options_);
  const Transport transport(trusting());
  const std::string told = get(transport, "https://other.example/");
  EXPECT_THAT(told, HasSubstr("tls: TLS failed (certificate not accepted: hostname mismatch: it is "
                              "for s.example, not for other.example"));
  EXPECT_THAT(told, HasSubstr("while connecting to other.example"));
  EXPECT_EQ(recorder_->count(), 0U);
}

TEST_F(ProxiedTls, AnUnreadableFileFailsPreparationAndEachRequest) {
  Transport::Options options = network_.transport_options();
  options.tls.ca_file = "/no/such/file";
  network_.serve("s.example:443", recorder_, options_);
  const Transport transport(options);
  const auto prepared = transport.prepare_tls();
  ASSERT_FALSE(prepared);
  EXPECT_THAT(std::string(prepared.error().detail()), HasSubstr("/no/such/file"));
  EXPECT_THAT(get(transport, "https://s.example/"), HasSubstr("/no/such/file"));
}

TEST_F(ProxiedTls, TheConnectTimeoutCoversTheHandshake) {
  network_.listen("slow.example:443");
  const Transport transport(trusting());
  auto running = transport.round_trip(testing::request("GET https://slow.example/"));
  EXPECT_THROW(network_.run(std::move(running)), std::runtime_error);
}

TEST_F(ProxiedTls, ClosesASilentClient) {
  network_.serve("s.example:443", recorder_, options_);
  auto wire = network_.connect("s.example:443");
  network_.advance(std::chrono::seconds(9));
  EXPECT_FALSE(wire.at_end());
  network_.advance(std::chrono::seconds(2));
  EXPECT_TRUE(wire.at_end());
}

// --- clients that do not speak TLS -------------------------------------------------------------

class ProxiedTlsNoise : public ProxiedTls {
 protected:
  ProxiedTlsNoise() { network_.serve("s.example:443", recorder_, options_); }

  // Sends the first `split` bytes of `data`, then the rest. Returns the bytes received in the end.
  std::string answer_to(std::string_view data, std::size_t split) {
    auto wire = network_.connect("s.example:443");
    wire.send(data.substr(0, split));
    wire.send(data.substr(split));
    std::string answer = wire.receive();
    if (!wire.at_end()) {
      network_.advance(std::chrono::seconds(11));  // longer than the handshake timeout
      answer += wire.receive();
    }
    EXPECT_TRUE(wire.at_end());
    return answer;
  }
  static bool is_told(const std::string& answer) {
    return answer.starts_with("HTTP/1.0 400 Bad Request\r\n") &&
           answer.contains("\r\n\r\nThis port speaks HTTPS");
  }
  // Reports whether the server sent only bytes of TLS itself, or none.
  static bool is_no_answer(const std::string& answer) {
    return answer.empty() || answer.starts_with("\x15\x03") || answer.starts_with("\x16\x03");
  }
  void expect_health() {
    EXPECT_EQ(recorder_->count(), 0U) << "a request in clear was served";
    EXPECT_EQ(get(Transport(trusting()), "https://s.example/"), "secret");
  }
};

TEST_F(ProxiedTlsNoise, RespondsToPlainHttpInCleartextAtEverySplit) {
  for (const std::string start : {"GET / HTTP/1.1", "POST /x HTTP/1.0", "DELETE * HTTP/9.9",
                                  "PRI * HTTP/2.0", "Z y x", "ABCDE"}) {
    const std::string request = start + "\r\nHost: s.example\r\n\r\nbody";
    for (std::size_t split = 0; split <= request.size(); ++split)
      EXPECT_TRUE(is_told(answer_to(request, split))) << request << split;
  }
  expect_health();
}

TEST_F(ProxiedTlsNoise, DoesNotTakeOtherBytesForHttp) {
  for (int first = 0; first < 256; ++first) {
    for (const std::string& rest : {std::string(), std::string(1, '\0'), std::string("\x03\x01"),
                                    std::string("ET / HTTP/1.1\r\n\r\n"), std::string(300, 'x'),
                                    std::string(300, '\xff'), std::string(300, '\0')}) {
      const std::string data = static_cast<char>(first) + rest;
      const std::string answer = answer_to(data, 1);
      const bool is_letter = first >= 'A' && first <= 'Z';
      const bool is_complete = data.size() >= 5;  // as long as the head of a record
      EXPECT_EQ(is_told(answer), is_letter && is_complete) << first << ' ' << rest.size();
      EXPECT_TRUE(is_told(answer) || is_no_answer(answer)) << first << ' ' << rest.size();
    }
  }
  expect_health();
}

TEST_F(ProxiedTlsNoise, SurvivesATamperedClientHello) {
  test::TlsPeer peer(test::TlsSide::client(certificates_.ca_file(), "http/1.1"));
  peer.take({});
  const std::string greeting = peer.to_send();
  ASSERT_GT(greeting.size(), 100U);
  for (std::size_t at = 0; at < greeting.size(); ++at) {
    for (const int mask : {0x01, 0x80, 0xff}) {
      std::string changed = greeting;
      changed[at] = static_cast<char>(changed[at] ^ mask);
      EXPECT_FALSE(answer_to(changed, at).contains("secret")) << at;
    }
    answer_to(greeting.substr(0, at), at / 2);
  }
  expect_health();
}

}  // namespace
}  // namespace onehop
