// SPDX-License-Identifier: Apache-2.0
//
// The names, certificates, versions, ciphers and protocols that a handshake accepts.
#include "base/promised_memory.hpp"
#include "support/failing_allocation.hpp"
#include "support/tls_stream_pair.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openssl/pem.h>

namespace onehop::net {
namespace {

using ::testing::HasSubstr;

class TlsStreamHandshake : public test::TlsStreamPair {};

// --- memory runs out inside callbacks of OpenSSL, which no exception may leave -----------------

TEST_F(TlsStreamHandshake, AServerWithoutMemoryForTheServerNameFails) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  make_server();
  make_client("a-rather-long-name.wild.example");
  const io::Reactor::Enter enter(reactor_);
  task<Result<void>> client = client_->handshake(io::kNever);
  client.start();
  task<Result<void>> server = server_->handshake(io::kNever);
  {
    const FailingAllocation failing(0);
    server.start();
    EXPECT_TRUE(failing.is_over());
  }
  ASSERT_TRUE(server.done());
  const auto result = server.take();
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::tls_failed));
}

TEST_F(TlsStreamHandshake, RejectsACertificateWithoutMemoryForTheReason) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  make_server();
  make_client("other.example");
  const auto result = shake_without_memory(Who::client);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().detail(), "certificate verify failed");
}

// --- names and authorities ---------------------------------------------------------------------

TEST_F(TlsStreamHandshake, ACertificateForAnotherNameIsRefused) {
  make_server();
  make_client("other.example");
  shake();
  EXPECT_EQ(client_failure(),
            "certificate not accepted: hostname mismatch: it is for server.example, "
            "*.wild.example, 127.0.0.1, not for other.example");
  EXPECT_EQ(client_result_->error().phase(), Phase::tls);
  EXPECT_TRUE(client_result_->error().is(Errc::tls_failed));
  EXPECT_THAT(server_failure(), HasSubstr("bad certificate"));
}

TEST_F(TlsStreamHandshake, PromisesItsMemoryUntilItEnds) {
  const auto promised = [] {
    report_promised_memory();
    return promised_memory();
  };
  const std::size_t before = promised();
  make_server();
  const std::size_t of_one = promised() - before;
  EXPECT_GT(of_one, 0u);
  make_client();
  EXPECT_EQ(promised() - before, 2 * of_one);
  shake();
  EXPECT_EQ(promised(), before);
}

TEST_F(TlsStreamHandshake, MatchesAddressesAndWildcards) {
  connect("127.0.0.1");
  EXPECT_EQ(server_->tls()->server_name, "") << "an address is not asked for";
  server_.reset();
  client_.reset();
  sessions_ = std::make_shared<TlsSessions>();
  connect("a.wild.example");
  server_.reset();
  client_.reset();
  sessions_ = std::make_shared<TlsSessions>();
  make_server();
  make_client("127.0.0.2");
  shake();
  EXPECT_THAT(client_failure(), HasSubstr("IP address mismatch"));
}

// RFC 9525 section 6.3: a wildcard is the complete first label.
TEST_F(TlsStreamHandshake, AWildcardMatchesOneWholeLabel) {
  struct Case {
    const char* name;
    const char* host;
  };
  for (const auto& [name, host] :
       {Case{"ba*.wild.example", "back.wild.example"},
        Case{"*ck.wild.example", "back.wild.example"},
        Case{"b*k.wild.example", "back.wild.example"}, Case{"*.wild.example", "a.b.wild.example"},
        Case{"*.wild.example", "wild.example"}, Case{"a.*.example", "a.b.example"}}) {
    server_options_.certificates = {certificates().sign("wildcard", std::string("DNS:") + name)};
    make_server();
    make_client(host);
    shake();
    EXPECT_EQ(client_failure(), "certificate not accepted: hostname mismatch: it is for " +
                                    std::string(name) + ", not for " + host);
    server_.reset();
    client_.reset();
  }
}

TEST_F(TlsStreamHandshake, AnUnknownAuthorityIsRefused) {
  TestCertificates others;
  client_options_.ca_file = others.ca_file();
  make_server();
  make_client();
  shake();
  EXPECT_THAT(client_failure(), HasSubstr("certificate not accepted: "));
  EXPECT_THAT(client_failure(), HasSubstr("issuer CN=Test Authority"));
}

TEST_F(TlsStreamHandshake, RejectsASelfSignedCertificateUnlessInsecure) {
  server_options_.certificates.clear();
  server_options_.self_signed = true;
  make_server();
  make_client("localhost");
  shake();
  EXPECT_THAT(client_failure(), HasSubstr("self-signed certificate"));
  server_.reset();
  client_.reset();
  client_options_ = {};
  client_options_.insecure = true;
  connect("whatever.example");
}

TEST_F(TlsStreamHandshake, TheNameMayBeOverridden) {
  client_options_.server_name = "server.example";
  connect("10.0.0.1");
  EXPECT_EQ(server_->tls()->server_name, "server.example");
}

TEST_F(TlsStreamHandshake, ReportsTheSubjectOfAClientCertificate) {
  server_options_.client_ca_file = certificates().ca_file();
  server_options_.client_auth = ClientAuth::optional;
  connect();
  EXPECT_EQ(server_->tls()->client_subject, "");
  server_.reset();
  client_.reset();
  sessions_ = std::make_shared<TlsSessions>();
  client_options_.certificate = certificates().sign("alice", "DNS:alice");
  connect();
  EXPECT_EQ(server_->tls()->client_subject, "CN=alice,O=Tests");
  EXPECT_EQ(write(*server_, "x"), 1);
  EXPECT_EQ(read(*client_), "x");
  server_.reset();
  client_.reset();
  connect();
  EXPECT_TRUE(server_->tls()->resumed);
  EXPECT_EQ(server_->tls()->client_subject, "CN=alice,O=Tests");
}

// Signs `made` again with a validity of `seconds`.
TlsCertificate shortened(const TestCertificates& authority, TlsCertificate made, long seconds) {
  const BioHandle in(BIO_new_file(made.chain_file.c_str(), "r"));
  const X509Handle certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  const BioHandle key_in(BIO_new_file(authority.path("ca.key").c_str(), "r"));
  const KeyHandle key(PEM_read_bio_PrivateKey(key_in.get(), nullptr, nullptr, nullptr));
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), seconds);
  EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  made.chain_file += ".short";
  const BioHandle out(BIO_new_file(made.chain_file.c_str(), "w"));
  EXPECT_EQ(PEM_write_bio_X509(out.get(), certificate.get()), 1);
  return made;
}

// Each resumption issues the next ticket. Without the check, a client that returns often enough
// would never need a valid certificate again.
TEST_F(TlsStreamHandshake, DoesNotResumeWithAnExpiredClientCertificate) {
  server_options_.client_ca_file = certificates().ca_file();
  server_options_.client_auth = ClientAuth::optional;
  const auto good_until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  client_options_.certificate = shortened(certificates(), certificates().sign("bob", "DNS:bob"), 2);
  connect();
  EXPECT_EQ(server_->tls()->client_subject, "CN=bob,O=Tests");
  EXPECT_EQ(write(*server_, "x"), 1);
  EXPECT_EQ(read(*client_), "x");
  server_.reset();
  client_.reset();
  std::this_thread::sleep_until(good_until);
  make_server();
  make_client();
  shake();
  EXPECT_THAT(server_failure(), HasSubstr("certificate has expired"));
  EXPECT_EQ(server_->tls()->client_subject, "");
}

TEST_F(TlsStreamHandshake, RequiresAValidClientCertificate) {
  server_options_.client_ca_file = certificates().ca_file();
  server_options_.client_auth = ClientAuth::required;
  make_server();
  make_client();
  shake();
  EXPECT_EQ(server_failure(),
            "the peer has shown no certificate (peer did not return a certificate)");
  EXPECT_THAT(read(*client_), HasSubstr("certificate required"));
  server_.reset();
  client_.reset();
  TestCertificates others;
  client_options_.certificate = others.sign("mallory", "DNS:mallory");
  make_server();
  make_client();
  shake();
  EXPECT_THAT(server_failure(), HasSubstr("certificate not accepted"));
  EXPECT_THAT(server_failure(), HasSubstr("CN=mallory"));
}

// --- sessions and the rules for client certificates --------------------------------------------

// Two listeners, or two runs of one program, share their ticket keys but not their rules for client
// certificates.
class TlsSessionRules : public TlsStreamHandshake {
 protected:
  struct Rules {
    const char* name;
    ClientAuth client_auth;
    std::string authorities;
  };
  static std::vector<Rules> all() {
    static TestCertificates others;
    return {{"none", ClientAuth::none, ""},
            {"optional", ClientAuth::optional, certificates().ca_file()},
            {"optional, another authority", ClientAuth::optional, others.ca_file()},
            {"required", ClientAuth::required, certificates().ca_file()},
            {"required, another authority", ClientAuth::required, others.ca_file()}};
  }
  void serve_under(const Rules& rules) {
    server_.reset();
    client_.reset();
    server_options_.client_auth = rules.client_auth;
    server_options_.client_ca_file = rules.authorities;
    make_server();
  }
  // Makes a client that speaks this version and offers session_ unless it is null.
  void ask_with(int version) {
    const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    make_client_with(context.get());
    if (session_) SSL_set_session(raw_ssl_, session_.get());
    shake();
  }
  // Returns the session of the connection. A ticket of TLS 1.3 arrives after the handshake.
  void keep_session() {
    EXPECT_EQ(write(*server_, "x"), 1);
    EXPECT_EQ(read(*client_), "x");
    session_.reset(SSL_get1_session(raw_ssl_));
    ASSERT_TRUE(session_);
    EXPECT_TRUE(SSL_SESSION_is_resumable(session_.get()));
  }

  SslSessionHandle session_;
};

// Otherwise a client could obtain a session from a listener that asks for no certificate, and use
// it with one that requires a certificate.
TEST_F(TlsSessionRules, ASessionResumesOnlyUnderItsOwnRules) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const Rules& first : all()) {
      if (first.client_auth == ClientAuth::required) continue;
      session_.reset();
      serve_under(first);
      ask_with(version);
      ASSERT_EQ(server_failure(), "") << first.name;
      keep_session();
      for (const Rules& second : all()) {
        serve_under(second);
        ask_with(version);
        if (second.client_auth == ClientAuth::required) {
          EXPECT_EQ(server_failure(),
                    "the peer has shown no certificate (peer did not return a certificate)")
              << first.name << " then " << second.name;
          continue;
        }
        ASSERT_EQ(server_failure(), "") << first.name << " then " << second.name;
        EXPECT_EQ(server_->tls()->resumed, std::string(first.name) == second.name)
            << first.name << " then " << second.name;
      }
    }
  }
}

// --- versions, ciphers and protocols -----------------------------------------------------------

TEST_F(TlsStreamHandshake, NoCommonProtocolIsRefused) {
  client_protocols_ = {"spdy/3"};
  make_server();
  make_client();
  shake();
  EXPECT_THAT(client_failure(), HasSubstr("no application protocol"));
}

TEST_F(TlsStreamHandshake, TheServerPicksTheProtocol) {
  server_protocols_ = {"h2", "http/1.1"};
  client_protocols_ = {"http/1.1", "h2"};
  connect();
  EXPECT_EQ(server_->tls()->protocol, "h2");
}

TEST_F(TlsStreamHandshake, OldVersionsAreRefused) {
  join();
  const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
  make_server();
  make_client_with(context.get());
  shake();
  EXPECT_THAT(server_failure(), HasSubstr("unsupported protocol"));
  EXPECT_THAT(client_failure(), HasSubstr("protocol version"));
}

TEST_F(TlsStreamHandshake, Tls12HasForwardSecrecyAndNoRenegotiation) {
  join();
  const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  make_server();
  make_client_with(context.get());
  shake();
  ASSERT_TRUE(server_result_ && *server_result_);
  EXPECT_EQ(server_->tls()->version, "TLSv1.2");
  EXPECT_EQ(server_->tls()->cipher, "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ(write(*client_, "ping"), 4);
  EXPECT_EQ(read(*server_), "ping");
  SSL_renegotiate(raw_ssl_);
  SSL_do_handshake(raw_ssl_);
  char nothing = 0;
  client_->try_read(&nothing, 1);
  settle();
  EXPECT_NE(read(*server_), "ping");
  const std::string told = read(*client_);
  EXPECT_THAT(told, HasSubstr("no renegotiation"));
}

TEST_F(TlsStreamHandshake, CiphersWithoutForwardSecrecyAreRefused) {
  join();
  const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), "AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256");
  make_server();
  make_client_with(context.get());
  shake();
  EXPECT_EQ(server_failure(), "no cipher in common (no shared cipher)");
}

TEST_F(TlsStreamHandshake, PlainHttpIsRecognised) {
  join();
  make_server();
  const io::Reactor::Enter enter(reactor_);
  task<Result<void>> shaking = server_->handshake(reactor_.now() + std::chrono::seconds(10));
  shaking.start();
  write(*near_, "DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n");
  settle();
  ASSERT_TRUE(shaking.done());
  EXPECT_TRUE(shaking.take().error().is(Errc::tls_failed));
  EXPECT_TRUE(server_->got_plain_http());
  EXPECT_EQ(read(*near_), "wait") << "no alert stands before the answer";
}

TEST_F(TlsStreamHandshake, TimesOutAtItsDeadline) {
  join();
  make_server();
  const io::Reactor::Enter enter(reactor_);
  task<Result<void>> shaking = server_->handshake(reactor_.now() + std::chrono::seconds(10));
  shaking.start();
  write(*near_, std::string("\x16\x03\x01", 3));
  settle();
  reactor_.set_time(reactor_.now() + std::chrono::seconds(9));
  settle();
  EXPECT_FALSE(shaking.done());
  reactor_.set_time(reactor_.now() + std::chrono::seconds(1));
  settle();
  ASSERT_TRUE(shaking.done());
  const auto result = shaking.take();
  EXPECT_TRUE(result.error().is(Errc::timed_out));
  EXPECT_EQ(result.error().side(), Side::client);
}

TEST_F(TlsStreamHandshake, ReportsThatThePeerClosedTheConnection) {
  join();
  make_client();
  const io::Reactor::Enter enter(reactor_);
  task<Result<void>> shaking = client_->handshake(reactor_.now() + std::chrono::seconds(10));
  shaking.start();
  settle();
  char data[2000];
  while (far_->try_read(data, sizeof data).has_bytes()) {
  }
  far_.reset();
  settle();
  ASSERT_TRUE(shaking.done());
  const Error error = shaking.take().error();
  EXPECT_TRUE(error.is(Errc::closed)) << "an upstream that restarts may do that";
  EXPECT_EQ(error.phase(), Phase::tls);
  EXPECT_EQ(error.side(), Side::upstream);
  EXPECT_THAT(std::string(error.detail()), HasSubstr("closed the connection"));
}

// --- certificates ------------------------------------------------------------------------------

TEST_F(TlsStreamHandshake, SelectsTheCertificateByServerName) {
  server_options_.certificates.push_back(certificates().sign("second", "DNS:second.example"));
  for (const char* name : {"second.example", "SECOND.example", "server.example"}) {
    sessions_ = std::make_shared<TlsSessions>();
    server_.reset();
    client_.reset();
    connect(name);
  }
  server_.reset();
  client_.reset();
  make_server();
  make_client("third.example");
  shake();
  EXPECT_THAT(client_failure(), HasSubstr("it is for server.example"));
}

TEST_F(TlsStreamHandshake, UsesBothRsaAndEcdsaCertificatesOfOneName) {
  server_options_.certificates = {certificates().sign("rsa", "DNS:server.example", "rsa:2048"),
                                  for_server()};
  for (const char* algorithms : {"RSA-PSS+SHA256", "ECDSA+SHA256"}) {
    join();
    const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set1_sigalgs_list(context.get(), algorithms);
    make_server();
    make_client_with(context.get());
    ask_for_name(raw_ssl_, "server.example");
    shake();
    EXPECT_EQ(client_failure(), "") << algorithms;
    server_.reset();
    client_.reset();
  }
}

}  // namespace
}  // namespace onehop::net
