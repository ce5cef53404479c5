// SPDX-License-Identifier: Apache-2.0
//
// Peers that send TLS records with little or no data.
#include "net/tls_record_budget.hpp"

#include "support/tls_stream_pair.hpp"

#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using ::testing::HasSubstr;

constexpr int kMax = TlsRecordBudget::kMaxWithoutData;

class TlsRecordFlood : public test::TlsStreamPair {
 protected:
  // Makes a client or a server that the test drives through OpenSSL.
  void connect_raw_client() {
    join(std::size_t{1} << 20U);
    const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
    make_server();
    make_client_with(context.get());
    shake();
    ASSERT_TRUE(server_result_ && *server_result_);
    EXPECT_EQ(read(*client_), "wait") << "takes the session tickets";
    EXPECT_EQ(read(*server_), "wait");
  }
  void connect_raw_server(int version) {
    join(std::size_t{1} << 20U);
    const SslContextHandle context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_max_proto_version(context.get(), version);
    ASSERT_EQ(SSL_CTX_use_certificate_chain_file(context.get(), for_server().chain_file.c_str()),
              1);
    ASSERT_EQ(
        SSL_CTX_use_PrivateKey_file(context.get(), for_server().key_file.c_str(), SSL_FILETYPE_PEM),
        1);
    SslHandle ssl(SSL_new(context.get()));
    raw_ssl_ = ssl.get();
    SSL_set_accept_state(ssl.get());
    server_ = std::make_unique<TlsStream>(std::move(far_), std::move(ssl), nullptr);
    client_protocols_ = {};
    make_client();
    shake();
    ASSERT_TRUE(client_result_ && *client_result_) << client_failure();
    EXPECT_EQ(write(*server_, "x"), 1);
    EXPECT_EQ(read(*client_), "x");
  }
  void update_keys(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(SSL_key_update(raw_ssl_, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
      ASSERT_EQ(SSL_do_handshake(raw_ssl_), 1);
    }
    flush(*client_);
  }
  // Sends the records in the thread's outbox.
  static void flush(TlsStream& stream) {
    char nothing = 0;
    stream.try_read(&nothing, 1);
  }
};

TEST_F(TlsRecordFlood, TooManyKeyUpdatesEndTheConnection) {
  connect_raw_client();
  update_keys(kMax);
  EXPECT_EQ(read(*server_), "wait");
  settle();
  EXPECT_EQ(read(*server_), "wait") << "so many are allowed";
  update_keys(1);
  settle();
  EXPECT_THAT(read(*server_), HasSubstr("too many TLS records without data"));
  EXPECT_EQ(write(*server_, "x"), IoResult::failed(EPIPE));
}

TEST_F(TlsRecordFlood, WakesAWaitingReaderAndStopsDecrypting) {
  connect_raw_client();
  bool woken = false;
  io::Wakeup wakeup([](void* flag) { *static_cast<bool*>(flag) = true; }, &woken);
  server_->watch_readable(&wakeup);
  update_keys(2000);
  settle();
  EXPECT_TRUE(woken);
  EXPECT_THAT(read(*server_), HasSubstr("too many TLS records without data"));
  const std::unique_ptr<Stream> raw = server_->give_up();
  EXPECT_TRUE(raw->has_unread()) << "2000 records of 27 bytes are more than one read took";
}

TEST_F(TlsRecordFlood, EachRecordWithDataAllowsOneWithout) {
  connect_raw_client();
  for (int i = 0; i < 10 * kMax; ++i) {
    update_keys(1);
    ASSERT_EQ(write(*client_, "x"), 1);
    settle();
    ASSERT_EQ(read(*server_), "x") << i;
  }
  // Two records without data for each record with data: one too many each time.
  int rounds = 0;
  std::string got = "x";
  for (; got == "x" && rounds < 2 * kMax; ++rounds) {
    update_keys(2);
    ASSERT_EQ(write(*client_, "x"), 1);
    settle();
    got = read(*server_);
  }
  EXPECT_THAT(got, HasSubstr("too many TLS records without data"));
  EXPECT_EQ(rounds, kMax - 1) << "the record that is being read counts as well";
}

// In an upload over a slow line, the header of a record arrives with its first packet and its end
// with the last one. Regression: this was mistaken for a flood after half a megabyte.
TEST_F(TlsRecordFlood, ARecordThatArrivesInPiecesCountsAsData) {
  join(4096);
  connect();
  const std::string record(16'000, 'x');
  std::string data(2 * record.size(), ' ');
  for (int i = 0; i < 2 * kMax; ++i) {
    std::size_t got = 0;
    bool sent = false;
    for (int turn = 0; turn < 100 && (got < record.size() || !sent); ++turn) {
      if (!sent) sent = write(*client_, record) == record.size();
      const IoResult count = server_->try_read(data.data(), data.size());
      if (count.has_bytes()) {
        got += count.count();
      } else {
        ASSERT_EQ(count, IoResult::must_wait()) << i;
      }
      settle();
    }
    ASSERT_TRUE(sent) << i;
    ASSERT_EQ(got, record.size()) << i;
  }
}

TEST_F(TlsRecordFlood, AReaderYieldsAfterAFewRecordsWithoutData) {
  connect_raw_client();
  std::string sent;
  for (int i = 0; i < 50; ++i) {
    update_keys(4);
    for (int k = 0; k < 4; ++k) {
      sent += static_cast<char>('a' + (4 * i + k) % 23);
      ASSERT_EQ(write(*client_, sent.substr(sent.size() - 1)), 1);
    }
  }
  std::string got;
  int passes = 0;
  for (; got.size() < sent.size() && passes < 1000; ++passes) {
    std::size_t in_pass = 0;
    for (std::string part = read(*server_); part != "wait"; part = read(*server_)) {
      in_pass += part.size();
      got += part;
      ASSERT_LE(got.size(), sent.size()) << got;
    }
    EXPECT_LE(in_pass, 40U) << "of 200";
    EXPECT_TRUE(got == sent || server_->has_unread());
    const io::Reactor::Enter enter(reactor_);
    reactor_.run_once(Duration::zero());
  }
  EXPECT_EQ(got, sent);
  EXPECT_GE(passes, 5);
}

TEST_F(TlsRecordFlood, AReaderThatYieldsIsWokenInTheNextPass) {
  connect_raw_client();
  for (int i = 0; i < 10; ++i) {
    update_keys(8);
    for (int k = 0; k < 8; ++k)
      ASSERT_EQ(write(*client_, "x"), 1);
  }
  const io::Reactor::Enter enter(reactor_);
  std::string got;
  const auto pull = [](Stream& stream, std::string& to) -> task<void> {
    while (to.size() < 80) {
      char data[100];
      const IoResult count = stream.try_read(data, sizeof data);
      if (count.has_bytes()) {
        to.append(data, count.count());
        continue;
      }
      if (!count.is_wait()) co_return;
      const Wait wait = co_await stream.readable(io::kNever);
      if (wait != Wait::ready) co_return;
    }
  };
  task<void> pulling = pull(*server_, got);
  pulling.start();
  EXPECT_FALSE(pulling.done()) << "the others come first";
  settle();
  EXPECT_TRUE(pulling.done());
  EXPECT_EQ(got, std::string(80, 'x'));
}

TEST_F(TlsRecordFlood, AReaderYieldsAfterManyTinyRecords) {
  connect_raw_client();
  constexpr std::size_t kRecords = 1000;
  for (std::size_t i = 0; i < kRecords; ++i)
    ASSERT_EQ(write(*client_, "x"), 1);
  std::string data(2 * kRecords, ' ');
  std::size_t got = 0;
  int passes = 0;
  for (; got < kRecords && passes < 1000; ++passes) {
    const IoResult count = server_->try_read(data.data(), data.size());
    ASSERT_TRUE(count.has_bytes());
    EXPECT_LE(count.count(), std::size_t{TlsRecordBudget::kPassRecords});
    EXPECT_EQ(server_->try_read(data.data(), 1), IoResult::must_wait());
    got += count.count();
    const io::Reactor::Enter enter(reactor_);
    reactor_.run_once(Duration::zero());
  }
  EXPECT_EQ(got, kRecords);
}

// The client does not read, and each record with data makes up for a key update that the server
// has to respond to. 64 KiB of the server's data are encrypted and unsent.
TEST_F(TlsRecordFlood, ResponsesThatCannotBeSentPauseTheReaderDuringAWrite) {
  constexpr std::size_t kMaxUnsent = std::size_t{256} * 1024;
  connect_raw_client();
  const std::string block(std::size_t{64} * 1024, 'x');
  while (write(*server_, block).has_bytes()) {
  }
  EXPECT_LT(server_->unacknowledged(), kMaxUnsent);
  for (int i = 0; i < 12'000; ++i) {
    ASSERT_EQ(SSL_key_update(raw_ssl_, SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(raw_ssl_), 1);
    ASSERT_EQ(write(*client_, "y"), 1);
    if (i % 4 != 0) continue;
    read(*server_);
    settle();
  }
  EXPECT_EQ(read(*server_), "wait");
  EXPECT_GT(server_->unacknowledged(), kMaxUnsent);
  EXPECT_LT(server_->unacknowledged(), kMaxUnsent + 1024);
  std::string data(std::size_t{1} << 20U, ' ');
  while (near_raw_->try_read(data.data(), data.size()).has_bytes())
    settle();
  EXPECT_EQ(server_->unacknowledged(), 0U);
  EXPECT_EQ(read(*server_).front(), 'y') << "reading goes on";
}

TEST_F(TlsRecordFlood, EndlessSessionTicketsEndTheConnection) {
  connect_raw_server(TLS1_3_VERSION);
  for (int i = 0; i < 2 * kMax; ++i) {
    ASSERT_EQ(SSL_new_session_ticket(raw_ssl_), 1);
    ASSERT_EQ(SSL_do_handshake(raw_ssl_), 1);
  }
  flush(*server_);
  settle();
  EXPECT_THAT(read(*client_), HasSubstr("too many TLS records without data"));
}

TEST_F(TlsRecordFlood, EndlessRenegotiationRequestsEndTheConnection) {
  connect_raw_server(TLS1_2_VERSION);
  for (int i = 0; i < 2 * kMax; ++i) {
    ASSERT_EQ(SSL_renegotiate(raw_ssl_), 1);
    SSL_do_handshake(raw_ssl_);
  }
  flush(*server_);
  settle();
  EXPECT_THAT(read(*client_), HasSubstr("too many TLS records without data"));
}

TEST_F(TlsRecordFlood, RejectsAHandshakeInOneByteRecords) {
  join();
  make_server();
  const io::Reactor::Enter enter(reactor_);
  task<Result<void>> shaking = server_->handshake(reactor_.now() + std::chrono::seconds(10));
  shaking.start();
  // A ClientHello of 16,000 bytes.
  std::string sent("\x16\x03\x01\x00\x04\x01\x00\x3e\x80", 9);
  for (unsigned i = 0; i < TlsRecordBudget::kMaxInHandshake; ++i)
    sent.append("\x16\x03\x01\x00\x01\x00", 6);
  write(*near_, sent.substr(0, sent.size() - 6));
  settle();
  EXPECT_FALSE(shaking.done());
  write(*near_, sent.substr(sent.size() - 6));
  settle();
  ASSERT_TRUE(shaking.done());
  EXPECT_EQ(shaking.take().error().detail(), "the handshake took too many TLS records");
}

}  // namespace
}  // namespace onehop::net
