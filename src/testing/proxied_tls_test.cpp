// SPDX-License-Identifier: Apache-2.0
//
// Servers and transports with TLS in one memory.
#include <onehop/testing.hpp>

#include "support/test_certificates.hpp"

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

TEST_F(ProxiedTls, a_round_trip_knows_its_connection) {
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

TEST_F(ProxiedTls, clear_and_secure_connections_to_one_host_are_kept_apart) {
  network_.serve("s.example:443", recorder_, options_);
  const Transport transport(trusting());
  EXPECT_EQ(get(transport, "https://s.example:443/"), "secret");
  EXPECT_NE(get(transport, "http://s.example:443/"), "secret");
  EXPECT_EQ(get(transport, "https://s.example:443/"), "secret");
  EXPECT_EQ(recorder_->count(), 2U);
}

TEST_F(ProxiedTls, a_name_that_does_not_match_is_an_error_of_its_own) {
  network_.serve("other.example:443", recorder_, options_);
  const Transport transport(trusting());
  const std::string told = get(transport, "https://other.example/");
  EXPECT_THAT(told, HasSubstr("tls: TLS failed (certificate not accepted: hostname mismatch: it is "
                              "for s.example, not for other.example"));
  EXPECT_THAT(told, HasSubstr("while connecting to other.example"));
  EXPECT_EQ(recorder_->count(), 0U);
}

TEST_F(ProxiedTls, a_file_that_cannot_be_read_fails_each_request_and_the_preparation) {
  Transport::Options options = network_.transport_options();
  options.tls.ca_file = "/no/such/file";
  network_.serve("s.example:443", recorder_, options_);
  const Transport transport(options);
  const auto prepared = transport.prepare_tls();
  ASSERT_FALSE(prepared);
  EXPECT_THAT(std::string(prepared.error().detail()), HasSubstr("/no/such/file"));
  EXPECT_THAT(get(transport, "https://s.example/"), HasSubstr("/no/such/file"));
}

TEST_F(ProxiedTls, a_handshake_shares_the_time_to_connect) {
  network_.listen("slow.example:443");
  const Transport transport(trusting());
  auto running = transport.round_trip(testing::request("GET https://slow.example/"));
  EXPECT_THROW(network_.run(std::move(running)), std::runtime_error);
}

TEST_F(ProxiedTls, plain_http_is_answered_in_clear) {
  network_.serve("s.example:443", recorder_, options_);
  auto wire = network_.connect("s.example:443");
  wire.send("GET / HTTP/1.1\r\nHost: s.example\r\n\r\n");
  EXPECT_THAT(wire.receive(), HasSubstr("400 Bad Request"));
  EXPECT_TRUE(wire.at_end());
}

TEST_F(ProxiedTls, a_client_that_says_nothing_is_closed_in_time) {
  network_.serve("s.example:443", recorder_, options_);
  auto wire = network_.connect("s.example:443");
  network_.advance(std::chrono::seconds(9));
  EXPECT_FALSE(wire.at_end());
  network_.advance(std::chrono::seconds(2));
  EXPECT_TRUE(wire.at_end());
}

}  // namespace
}  // namespace onehop
