// SPDX-License-Identifier: Apache-2.0
//
// Certificates from a source, and the handshake of an authority that validates a name
// (tls-alpn-01).
#include "net/tls_challenge.hpp"

#include "support/tls_stream_pair.hpp"

#include <gmock/gmock.h>

namespace onehop::net {
namespace {

using ::testing::HasSubstr;

class Source final : public TlsCertificateSource {
 public:
  std::vector<TlsCertificate> certificates() const override { return all; }
  std::uint64_t version() const override { return 1; }
  std::optional<TlsCertificate> challenge_certificate(std::string_view name) const override {
    asked = name;
    return challenge;
  }

  std::vector<TlsCertificate> all;
  std::optional<TlsCertificate> challenge;
  mutable std::string asked = "none";
};

class TlsChallengeTest : public test::TlsStreamPair {
 protected:
  TlsChallengeTest() {
    server_options_.source = source_;
    server_protocols_ = {"h2", "http/1.1"};
    source_->challenge = certificates().sign("server", "DNS:server.example");
  }

  void shake_with(const TlsProtocols& protocols) {
    client_protocols_ = protocols;
    make_server();
    make_client();
    shake();
  }

  std::shared_ptr<Source> source_ = std::make_shared<Source>();
};

TEST_F(TlsChallengeTest, UsesACertificateOfTheSourceForItsName) {
  source_->all = {certificates().sign("other", "DNS:other.example")};
  make_server();
  make_client("other.example");
  shake();
  EXPECT_EQ(client_failure(), "");
  EXPECT_EQ(source_->asked, "none");
}

TEST_F(TlsChallengeTest, TheSourceMayProvideAllCertificates) {
  server_options_.certificates.clear();
  source_->all = {for_server()};
  shake_with({"http/1.1"});
  EXPECT_EQ(client_failure(), "");
}

TEST_F(TlsChallengeTest, AnAuthorityGetsTheChallengeCertificate) {
  shake_with({std::string(kChallengeProtocol)});
  EXPECT_EQ(client_failure(), "");
  EXPECT_EQ(server_failure(), "");
  EXPECT_EQ(source_->asked, "server.example");
  EXPECT_EQ(server_->tls()->protocol, kChallengeProtocol);
  EXPECT_EQ(client_->tls()->protocol, kChallengeProtocol);
}

TEST_F(TlsChallengeTest, AnAuthorityNeedsNoClientCertificate) {
  server_options_.client_auth = ClientAuth::required;
  server_options_.client_ca_file = certificates().ca_file();
  shake_with({std::string(kChallengeProtocol)});
  EXPECT_EQ(server_failure(), "");
}

TEST_F(TlsChallengeTest, WithoutAChallengeTheHandshakeFails) {
  source_->challenge.reset();
  shake_with({std::string(kChallengeProtocol)});
  EXPECT_THAT(client_failure(), HasSubstr("unrecognized name"));
}

TEST_F(TlsChallengeTest, WithoutASourceTheHandshakeFails) {
  server_options_.source.reset();
  shake_with({std::string(kChallengeProtocol)});
  EXPECT_NE(client_failure(), "");
}

TEST_F(TlsChallengeTest, AClientWithOtherProtocolsIsServedAsUsual) {
  shake_with({std::string(kChallengeProtocol), "http/1.1"});
  EXPECT_EQ(client_failure(), "");
  EXPECT_EQ(source_->asked, "none");
  EXPECT_EQ(server_->tls()->protocol, "http/1.1");
}

}  // namespace
}  // namespace onehop::net
