// SPDX-License-Identifier: Apache-2.0
#include "net/tls_stream.hpp"

#include "net/memory_stream.hpp"
#include "net/tls_ticket_keys.hpp"
#include "support/test_certificates.hpp"

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using ::testing::HasSubstr;

TestCertificates& certificates() {
  static TestCertificates made;
  return made;
}

const TlsCertificate& for_server() {
  static const TlsCertificate made =
      certificates().sign("server", "DNS:server.example,DNS:*.wild.example,IP:127.0.0.1");
  return made;
}

// Both ends of a connection in one memory, with TLS at both.
class TlsStreamTest : public testing::Test {
 protected:
  TlsStreamTest() {
    server_options_.certificates = {for_server()};
    client_options_.ca_file = certificates().ca_file();
  }
  ~TlsStreamTest() override {
    server_.reset();
    client_.reset();
    settle();
  }

  void join(std::size_t capacity = std::size_t{64} * 1024) {
    std::tie(near_, far_) = make_memory_pair(reactor_, capacity);
    near_raw_ = near_.get();
    far_raw_ = far_.get();
  }
  void make_server() {
    if (!far_) join();
    auto context = TlsServerContext::make(server_options_, server_protocols_, keys_);
    ASSERT_TRUE(context) << context.error().to_string();
    server_ = TlsServerContext::accept(*context, std::move(far_));
  }
  void make_client(const std::string& host = "server.example") {
    auto context = TlsClientContext::make(client_options_);
    ASSERT_TRUE(context) << context.error().to_string();
    client_ =
        TlsClientContext::connect(*context, std::move(near_), host, sessions_, client_protocols_);
  }
  // A client as a test wants it: OpenSSL's own object underneath.
  void make_client_with(SSL_CTX* context) {
    SslHandle ssl(SSL_new(context));
    raw_ssl_ = ssl.get();
    SSL_set_connect_state(ssl.get());
    client_ = std::make_unique<TlsStream>(std::move(near_), std::move(ssl), nullptr);
  }
  void settle() {
    const io::Reactor::Enter enter(reactor_);
    for (int quiet = 0; quiet < 3;)
      quiet = reactor_.run_once(Duration::zero()) ? 0 : quiet + 1;
  }
  // Runs both handshakes; the errors are in server_result_ and client_result_.
  void shake() {
    const io::Reactor::Enter enter(reactor_);
    const Time deadline = reactor_.now() + std::chrono::seconds(10);
    task<Result<void>> server = server_->handshake(deadline);
    task<Result<void>> client = client_->handshake(deadline);
    server.start();
    client.start();
    settle();
    if (client.done()) client_result_ = client.take();
    if (!server.done() && client_result_ && !*client_result_) client_.reset();
    settle();
    if (server.done()) server_result_ = server.take();
  }
  void connect(const std::string& host = "server.example") {
    make_server();
    make_client(host);
    shake();
    ASSERT_TRUE(server_result_ && *server_result_);
    ASSERT_TRUE(client_result_ && *client_result_) << client_result_->error().to_string();
  }
  std::string client_failure() const {
    if (!client_result_) return "still waiting";
    return *client_result_ ? "" : std::string(client_result_->error().detail());
  }
  std::string server_failure() const {
    if (!server_result_) return "still waiting";
    return *server_result_ ? "" : std::string(server_result_->error().detail());
  }
  static ssize_t write(Stream& stream, std::string_view text) {
    return stream.try_write(text.data(), text.size());
  }
  static std::string read(Stream& stream) {
    char data[100];
    const ssize_t got = stream.try_read(data, sizeof data);
    if (got == 0) return "end";
    if (got == -EAGAIN) return "wait";
    if (got < 0) return stream.error_of(static_cast<int>(-got), Side::upstream).to_string();
    return {data, static_cast<std::size_t>(got)};
  }

  io::Reactor reactor_{io::Reactor::Clock::manual};
  TlsServerOptions server_options_;
  TlsClientOptions client_options_;
  TlsProtocols server_protocols_{"http/1.1"};
  TlsProtocols client_protocols_{"http/1.1"};
  std::shared_ptr<TlsTicketKeys> keys_ = std::make_shared<TlsTicketKeys>();
  std::shared_ptr<TlsSessions> sessions_ = std::make_shared<TlsSessions>();
  std::unique_ptr<MemoryStream> near_;
  std::unique_ptr<MemoryStream> far_;
  MemoryStream* near_raw_ = nullptr;
  MemoryStream* far_raw_ = nullptr;
  SSL* raw_ssl_ = nullptr;
  std::unique_ptr<TlsStream> server_;
  std::unique_ptr<TlsStream> client_;
  std::optional<Result<void>> server_result_;
  std::optional<Result<void>> client_result_;
};

TEST_F(TlsStreamTest, carries_octets_both_ways) {
  connect();
  EXPECT_EQ(read(*server_), "wait");
  EXPECT_EQ(write(*client_, "ping"), 4);
  EXPECT_TRUE(server_->has_unread());
  EXPECT_EQ(read(*server_), "ping");
  EXPECT_FALSE(server_->has_unread());
  EXPECT_EQ(write(*server_, "pong"), 4);
  EXPECT_EQ(read(*client_), "pong");
  EXPECT_EQ(read(*client_), "wait");
}

TEST_F(TlsStreamTest, knows_what_was_agreed_on) {
  connect();
  ASSERT_NE(server_->tls(), nullptr);
  EXPECT_EQ(server_->tls()->version, "TLSv1.3");
  EXPECT_EQ(server_->tls()->cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(server_->tls()->protocol, "http/1.1");
  EXPECT_EQ(server_->tls()->server_name, "server.example");
  EXPECT_EQ(server_->tls()->client_subject, "");
  EXPECT_FALSE(server_->tls()->resumed);
  EXPECT_EQ(client_->tls()->protocol, "http/1.1");
}

TEST_F(TlsStreamTest, an_ordered_end_is_an_end_and_the_other_way_stays_open) {
  connect();
  EXPECT_EQ(write(*client_, "last"), 4);
  client_->close_write();
  EXPECT_EQ(write(*client_, "more"), -EPIPE);
  EXPECT_EQ(read(*server_), "last");
  EXPECT_EQ(read(*server_), "end");
  EXPECT_EQ(read(*server_), "end");
  EXPECT_EQ(write(*server_, "answer"), 6);
  EXPECT_EQ(read(*client_), "answer");
}

TEST_F(TlsStreamTest, destruction_says_goodbye) {
  connect();
  server_.reset();
  settle();
  EXPECT_TRUE(client_->is_hung_up());
  EXPECT_EQ(read(*client_), "end");
}

TEST_F(TlsStreamTest, an_end_without_goodbye_is_a_failure) {
  connect();
  EXPECT_EQ(write(*server_, "part"), 4);
  server_->give_up().reset();
  settle();
  EXPECT_EQ(read(*client_), "part");
  const std::string told = read(*client_);
  EXPECT_THAT(told, HasSubstr("message ended early"));
  EXPECT_THAT(told, HasSubstr("without TLS's close_notify"));
  EXPECT_EQ(read(*client_), told);
}

TEST_F(TlsStreamTest, what_was_said_before_a_reset_is_heard_even_when_writing_has_failed) {
  connect();
  EXPECT_EQ(write(*server_, "answer"), 6);
  server_->abort();
  server_.reset();
  EXPECT_LT(write(*client_, "request"), 0);
  EXPECT_EQ(read(*client_), "answer");
  EXPECT_THAT(read(*client_), HasSubstr("reset"));
}

TEST_F(TlsStreamTest, abort_is_a_reset) {
  connect();
  server_->abort();
  server_.reset();
  settle();
  EXPECT_TRUE(client_->is_broken());
  EXPECT_THAT(read(*client_), HasSubstr("reset"));
}

TEST_F(TlsStreamTest, a_record_that_was_changed_on_the_way_is_a_failure) {
  connect();
  const std::unique_ptr<Stream> raw = server_->give_up();
  const std::string forged = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
  raw->try_write(forged.data(), forged.size());
  EXPECT_THAT(read(*client_), HasSubstr("TLS failed"));
  EXPECT_EQ(write(*client_, "x"), -EPIPE);
}

// The socket takes and gives so few octets at a time.
class TlsStreamInPieces : public TlsStreamTest, public testing::WithParamInterface<std::size_t> {};

TEST_P(TlsStreamInPieces, nothing_is_lost) {
  const std::size_t size = GetParam();
  join(size < 100 ? 1000 : 20'000);
  near_raw_->set_max_read(size);
  near_raw_->set_max_write(size);
  far_raw_->set_max_read(size);
  far_raw_->set_max_write(size);
  connect();
  // Each way a stream of its own, in writes of growing size, in two or three parts.
  std::string sent;
  for (int i = 0; i < 70'000; ++i)
    sent += static_cast<char>('a' + i % 23);
  std::string there;
  std::string back;
  std::size_t out = 0;
  std::size_t home = 0;
  std::size_t step = 1;
  const auto push = [&](Stream& stream, std::size_t& done) {
    const std::size_t left = std::min(step, sent.size() - done);
    char* const from = sent.data() + done;
    const std::size_t first = left / 3;
    const iovec parts[] = {{from, first}, {from, 0}, {from + first, left - first}};
    const ssize_t took = stream.try_write(parts, 3);
    if (took > 0) done += static_cast<std::size_t>(took);
    // What could not be taken comes again, so the step may only grow when all of it was.
    return took == static_cast<ssize_t>(left);
  };
  const auto pull = [](Stream& stream, std::string& to) {
    char data[3000];
    const ssize_t got = stream.try_read(data, sizeof data);
    if (got > 0) to.append(data, static_cast<std::size_t>(got));
  };
  for (int turn = 0; turn < 2'000'000 && (there.size() < sent.size() || back.size() < sent.size());
       ++turn) {
    const bool all_out = out == sent.size() || push(*client_, out);
    const bool all_home = home == sent.size() || push(*server_, home);
    pull(*server_, there);
    pull(*client_, back);
    if (all_out && all_home) step = step * 3 / 2 + 1;
    if (turn % 4 == 0) settle();
  }
  EXPECT_EQ(there, sent);
  EXPECT_EQ(back, sent);
}

INSTANTIATE_TEST_SUITE_P(Sizes, TlsStreamInPieces, testing::Values(1, 2, 5, 7, 100, 1000, 16'000));

TEST_F(TlsStreamTest, head_and_small_body_are_one_record) {
  connect();
  char head[] = "head ";
  char body[] = "body";
  const iovec parts[] = {{head, 5}, {body, 4}};
  EXPECT_EQ(server_->try_write(parts, 2), 9);
  char data[100];
  EXPECT_EQ(client_->try_read(data, sizeof data), 9);
}

TEST_F(TlsStreamTest, a_reader_is_woken_by_data_and_by_nothing_else) {
  join();
  const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  make_server();
  make_client_with(context.get());
  shake();
  ASSERT_TRUE(server_result_ && *server_result_);
  EXPECT_EQ(read(*server_), "wait");
  bool woken = false;
  io::Wakeup wakeup([](void* flag) { *static_cast<bool*>(flag) = true; }, &woken);
  server_->watch_readable(&wakeup);
  // A new key for this direction, and a wish for one in the other.
  ASSERT_EQ(SSL_key_update(raw_ssl_, SSL_KEY_UPDATE_REQUESTED), 1);
  ASSERT_EQ(SSL_do_handshake(raw_ssl_), 1);
  EXPECT_EQ(write(*client_, ""), 0);
  client_->close_write();
  settle();
  EXPECT_TRUE(woken) << "the end wakes it";
}

TEST_F(TlsStreamTest, keys_are_updated_while_data_flows) {
  join();
  const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  make_server();
  make_client_with(context.get());
  shake();
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(SSL_key_update(raw_ssl_, SSL_KEY_UPDATE_REQUESTED), 1);
    EXPECT_EQ(write(*client_, "ping"), 4);
    EXPECT_EQ(read(*server_), "ping");
    EXPECT_EQ(write(*server_, "pong"), 4);
    EXPECT_EQ(read(*client_), "pong");
  }
}

TEST_F(TlsStreamTest, a_key_update_does_not_wake_the_reader) {
  join();
  const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  make_server();
  make_client_with(context.get());
  shake();
  EXPECT_EQ(read(*server_), "wait");
  bool woken = false;
  io::Wakeup wakeup([](void* flag) { *static_cast<bool*>(flag) = true; }, &woken);
  server_->watch_readable(&wakeup);
  ASSERT_EQ(SSL_key_update(raw_ssl_, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
  ASSERT_EQ(SSL_do_handshake(raw_ssl_), 1);
  char nothing = 0;
  client_->try_read(&nothing, 1);  // sends what the update has put into the thread's memory
  settle();
  EXPECT_FALSE(woken);
  EXPECT_EQ(write(*client_, "x"), 1);
  settle();
  EXPECT_TRUE(woken);
  EXPECT_EQ(read(*server_), "x");
}

TEST_F(TlsStreamTest, session_tickets_are_no_data) {
  connect();
  EXPECT_EQ(read(*client_), "wait");
  bool woken = false;
  io::Wakeup wakeup([](void* flag) { *static_cast<bool*>(flag) = true; }, &woken);
  client_->watch_readable(&wakeup);
  // The server's tickets leave a moment after it began to wait, at the latest.
  io::Wakeup reader;
  server_->watch_readable(&reader);
  settle();
  EXPECT_EQ(sessions_->take(), nullptr);
  reactor_.set_time(reactor_.now() + std::chrono::milliseconds(10));
  settle();
  EXPECT_FALSE(woken);
  EXPECT_FALSE(client_->has_unread());
  EXPECT_NE(SslSessionHandle(sessions_->take()), nullptr);
  server_->watch_readable(nullptr);
}

TEST_F(TlsStreamTest, sessions_are_resumed) {
  connect();
  EXPECT_EQ(write(*server_, "x"), 1);
  EXPECT_EQ(read(*client_), "x");
  for (int i = 0; i < 3; ++i) {
    server_.reset();
    client_.reset();
    connect();
    EXPECT_TRUE(server_->tls()->resumed) << i;
    EXPECT_TRUE(client_->tls()->resumed) << i;
    EXPECT_EQ(write(*server_, "x"), 1);
    EXPECT_EQ(read(*client_), "x");
  }
  keys_ = std::make_shared<TlsTicketKeys>();
  server_.reset();
  client_.reset();
  connect();
  EXPECT_FALSE(server_->tls()->resumed);
}

// --- whom to trust -----------------------------------------------------------------------------

TEST_F(TlsStreamTest, a_certificate_for_another_name_is_refused) {
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

TEST_F(TlsStreamTest, addresses_and_wildcards_are_names_too) {
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

TEST_F(TlsStreamTest, an_unknown_authority_is_refused) {
  TestCertificates others;
  client_options_.ca_file = others.ca_file();
  make_server();
  make_client();
  shake();
  EXPECT_THAT(client_failure(), HasSubstr("certificate not accepted: "));
  EXPECT_THAT(client_failure(), HasSubstr("issuer CN=Test Authority"));
}

TEST_F(TlsStreamTest, a_self_signed_certificate_is_refused_unless_nobody_checks) {
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

TEST_F(TlsStreamTest, the_name_may_be_overridden) {
  client_options_.server_name = "server.example";
  connect("10.0.0.1");
  EXPECT_EQ(server_->tls()->server_name, "server.example");
}

TEST_F(TlsStreamTest, client_certificates_are_told_by_their_subject) {
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

TEST_F(TlsStreamTest, a_required_certificate_has_to_be_there_and_good) {
  server_options_.client_ca_file = certificates().ca_file();
  server_options_.client_auth = ClientAuth::required;
  make_server();
  make_client();
  shake();
  EXPECT_EQ(server_failure(), "peer did not return a certificate");
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

// --- what is spoken ----------------------------------------------------------------------------

TEST_F(TlsStreamTest, no_common_protocol_is_refused) {
  client_protocols_ = {"spdy/3"};
  make_server();
  make_client();
  shake();
  EXPECT_THAT(client_failure(), HasSubstr("no application protocol"));
}

TEST_F(TlsStreamTest, the_server_prefers) {
  server_protocols_ = {"h2", "http/1.1"};
  client_protocols_ = {"http/1.1", "h2"};
  connect();
  EXPECT_EQ(server_->tls()->protocol, "h2");
}

TEST_F(TlsStreamTest, old_versions_are_refused) {
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

TEST_F(TlsStreamTest, tls_1_2_has_forward_secrecy_and_no_renegotiation) {
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

TEST_F(TlsStreamTest, ciphers_without_forward_secrecy_are_refused) {
  join();
  const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), "AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256");
  make_server();
  make_client_with(context.get());
  shake();
  EXPECT_EQ(server_failure(), "no shared cipher");
}

TEST_F(TlsStreamTest, plain_http_is_recognised) {
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

TEST_F(TlsStreamTest, a_handshake_ends_in_time_or_not_at_all) {
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

TEST_F(TlsStreamTest, a_peer_that_leaves_is_named_as_the_reason) {
  join();
  make_client();
  const io::Reactor::Enter enter(reactor_);
  task<Result<void>> shaking = client_->handshake(reactor_.now() + std::chrono::seconds(10));
  shaking.start();
  settle();
  char data[2000];
  while (far_->try_read(data, sizeof data) > 0) {
  }
  far_.reset();
  settle();
  ASSERT_TRUE(shaking.done());
  EXPECT_THAT(std::string(shaking.take().error().detail()), HasSubstr("closed the connection"));
}

// --- certificates ------------------------------------------------------------------------------

TEST_F(TlsStreamTest, the_name_chooses_the_certificate) {
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

TEST_F(TlsStreamTest, rsa_and_ecdsa_of_one_name_are_both_used) {
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
