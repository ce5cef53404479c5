// SPDX-License-Identifier: Apache-2.0
#include "net/tls_stream.hpp"

#include "net/tls_records.hpp"
#include "support/failing_allocation.hpp"
#include "support/tls_stream_pair.hpp"

#include <memory>
#include <new>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using ::testing::HasSubstr;

class TlsStreamTest : public test::TlsStreamPair {};

TEST_F(TlsStreamTest, CarriesBytesBothWays) {
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

TEST_F(TlsStreamTest, ReportsTheNegotiatedParameters) {
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

TEST_F(TlsStreamTest, CloseWriteKeepsTheOtherDirectionOpen) {
  connect();
  EXPECT_EQ(write(*client_, "last"), 4);
  client_->close_write();
  EXPECT_EQ(write(*client_, "more"), IoResult::failed(EPIPE));
  EXPECT_EQ(read(*server_), "last");
  EXPECT_EQ(read(*server_), "end");
  EXPECT_EQ(read(*server_), "end");
  EXPECT_EQ(write(*server_, "answer"), 6);
  EXPECT_EQ(read(*client_), "answer");
}

TEST_F(TlsStreamTest, DestructionSendsCloseNotify) {
  connect();
  server_.reset();
  settle();
  EXPECT_TRUE(client_->is_hung_up());
  EXPECT_EQ(read(*client_), "end");
}

TEST_F(TlsStreamTest, AnEndWithoutCloseNotifyIsAnError) {
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

TEST_F(TlsStreamTest, AnEndWithoutCloseNotifyCanBeAccepted) {
  client_options_.ignore_missing_close_notify = true;
  connect();
  EXPECT_EQ(write(*server_, "part"), 4);
  server_->give_up().reset();
  settle();
  EXPECT_EQ(read(*client_), "part");
  EXPECT_EQ(read(*client_), "end");
  EXPECT_EQ(read(*client_), "end");
  EXPECT_TRUE(client_->is_hung_up());
}

TEST_F(TlsStreamTest, DeliversDataSentBeforeAResetAfterAFailedWrite) {
  connect();
  EXPECT_EQ(write(*server_, "answer"), 6);
  server_->abort();
  server_.reset();
  EXPECT_TRUE(write(*client_, "request").has_failed());
  EXPECT_EQ(read(*client_), "answer");
  EXPECT_THAT(read(*client_), HasSubstr("reset"));
}

TEST_F(TlsStreamTest, AbortIsAReset) {
  connect();
  server_->abort();
  server_.reset();
  settle();
  EXPECT_TRUE(client_->is_broken());
  EXPECT_THAT(read(*client_), HasSubstr("reset"));
}

TEST_F(TlsStreamTest, ATamperedRecordIsAnError) {
  connect();
  const std::unique_ptr<Stream> raw = server_->give_up();
  const std::string forged = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
  raw->try_write(forged.data(), forged.size());
  EXPECT_THAT(read(*client_), HasSubstr("TLS failed"));
  EXPECT_EQ(write(*client_, "x"), IoResult::failed(EPIPE));
}

// The inner stream reads and writes at most the parameter's number of bytes at a time.
class TlsStreamInPieces : public TlsStreamTest,
                          public ::testing::WithParamInterface<std::size_t> {};

TEST_P(TlsStreamInPieces, NothingIsLost) {
  const std::size_t size = GetParam();
  join(size < 100 ? 1000 : 20'000);
  near_raw_->set_max_read(size);
  near_raw_->set_max_write(size);
  far_raw_->set_max_read(size);
  far_raw_->set_max_write(size);
  connect();
  // Each direction has its own data, in writes of growing size with two or three parts.
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
    const IoResult took = stream.try_write(parts, 3);
    done += took.count();
    // A write that was taken in part is repeated, so the size grows only after a complete one.
    return took == left;
  };
  const auto pull = [](Stream& stream, std::string& to) {
    char data[3000];
    const IoResult got = stream.try_read(data, sizeof data);
    to.append(data, got.count());
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

INSTANTIATE_TEST_SUITE_P(Sizes,
                         TlsStreamInPieces,
                         ::testing::Values(1, 2, 5, 7, 100, 1000, 16'000));

// The client allows records of at most 512 bytes. The parameter is the version of TLS.
class TlsStreamInSmallFragments : public TlsStreamTest,
                                  public ::testing::WithParamInterface<int> {};

TEST_P(TlsStreamInSmallFragments, NothingIsLost) {
  join(20'000);
  const SslContextHandle context(SSL_CTX_new(TLS_client_method()));
  ASSERT_EQ(SSL_CTX_set_max_proto_version(context.get(), GetParam()), 1);
  ASSERT_EQ(SSL_CTX_set_tlsext_max_fragment_length(context.get(), TLSEXT_max_fragment_length_512),
            1);
  make_server();
  make_client_with(context.get());
  shake();
  ASSERT_TRUE(server_result_ && *server_result_) << server_failure();
  std::string sent;
  for (int i = 0; i < 100'000; ++i)
    sent += static_cast<char>('a' + i % 23);
  std::size_t taken = 0;
  std::string got;
  for (int turn = 0; turn < 10'000 && got.size() < sent.size(); ++turn) {
    if (taken < sent.size()) taken += write(*server_, sent.substr(taken)).count();
    char data[3000];
    got.append(data, client_->try_read(data, sizeof data).count());
    settle();
  }
  EXPECT_EQ(taken, sent.size());
  EXPECT_EQ(got, sent);
}

INSTANTIATE_TEST_SUITE_P(Versions,
                         TlsStreamInSmallFragments,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_F(TlsStreamTest, HeadAndSmallBodyAreOneRecord) {
  connect();
  char head[] = "head ";
  char body[] = "body";
  const iovec parts[] = {{head, 5}, {body, 4}};
  EXPECT_EQ(server_->try_write(parts, 2), 9);
  char data[100];
  EXPECT_EQ(client_->try_read(data, sizeof data), 9);
}

TEST_F(TlsStreamTest, AKeyUpdateOrAnEmptyWriteDoesNotWakeTheReader) {
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
  // Changes the key of this direction and requests a change for the other.
  ASSERT_EQ(SSL_key_update(raw_ssl_, SSL_KEY_UPDATE_REQUESTED), 1);
  ASSERT_EQ(SSL_do_handshake(raw_ssl_), 1);
  EXPECT_EQ(write(*client_, ""), 0);
  client_->close_write();
  settle();
  EXPECT_TRUE(woken) << "the end wakes it";
}

TEST_F(TlsStreamTest, KeysAreUpdatedWhileDataFlows) {
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
    settle();  // the stream pauses after a few updates
  }
}

TEST_F(TlsStreamTest, AKeyUpdateDoesNotWakeTheReader) {
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
  client_->try_read(&nothing, 1);  // sends the update, which is in the thread's outbox
  settle();
  EXPECT_FALSE(woken);
  EXPECT_EQ(write(*client_, "x"), 1);
  settle();
  EXPECT_TRUE(woken);
  EXPECT_EQ(read(*server_), "x");
}

TEST_F(TlsStreamTest, SessionTicketsAreNotData) {
  connect();
  EXPECT_EQ(read(*client_), "wait");
  bool woken = false;
  io::Wakeup wakeup([](void* flag) { *static_cast<bool*>(flag) = true; }, &woken);
  client_->watch_readable(&wakeup);
  // The server sends its tickets at most 5 ms after it began to wait.
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

TEST_F(TlsStreamTest, DataArrivesWithoutMemoryToKeepTheSession) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  connect();
  EXPECT_EQ(write(*server_, "x"), 1);
  {
    const FailingAllocation failing(0);
    char data = 0;
    EXPECT_EQ(client_->try_read(&data, 1), 1);
    EXPECT_EQ(data, 'x');
    EXPECT_TRUE(failing.is_over());
  }
  EXPECT_EQ(write(*client_, "y"), 1);
  EXPECT_EQ(read(*server_), "y");
}

// The stream finds the reason of a failure in a callback. An exception that leaves it would end the
// event loop.
TEST_F(TlsStreamTest, AFailureNeedsNoMemory) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  bool has_failed = true;
  for (std::size_t succeed = 0; has_failed; ++succeed) {
    connect();
    settle();
    std::optional<net::Wait> woken;
    auto waiting = [](TlsStream& stream, std::optional<net::Wait>& into) -> task<void> {
      const auto wait = co_await stream.readable(io::kNever);
      into = wait;
    }(*client_, woken);
    waiting.start();
    settle();
    const std::unique_ptr<Stream> raw = server_->give_up();
    const std::string forged = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
    raw->try_write(forged.data(), forged.size());
    {
      const FailingAllocation failing(succeed);
      try {
        for (int i = 0; i < 5; ++i)
          reactor_.run_once(Duration::zero());
      } catch (const std::bad_alloc&) {
        ADD_FAILURE() << succeed;
      }
      has_failed = failing.is_over();
    }
    settle();
    ASSERT_TRUE(woken) << succeed;
    EXPECT_NE(read(*client_), "wait");
    waiting = {};
    client_.reset();
    server_.reset();
    server_result_.reset();
    client_result_.reset();
    settle();
  }
}

// Callbacks of timers ask this, and an exception that leaves one would end the event loop. The
// alert in the thread's outbox must not become part of another stream.
TEST_F(TlsStreamTest, AskingForUnreadBytesNeedsNoMemory) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  bool has_failed = true;
  for (std::size_t succeed = 0; has_failed; ++succeed) {
    connect();
    settle();
    EXPECT_EQ(read(*client_), "wait") << "takes the session ticket";
    const std::unique_ptr<Stream> raw = server_->give_up();
    const std::string forged = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
    raw->try_write(forged.data(), forged.size());
    {
      const FailingAllocation failing(succeed);
      EXPECT_NO_THROW(EXPECT_TRUE(client_->has_unread())) << succeed;
      has_failed = failing.is_over();
    }
    EXPECT_EQ(TlsOutbox::of_thread().size, 0U) << succeed;
    EXPECT_NE(read(*client_), "wait");
    client_.reset();
    server_.reset();
    server_result_.reset();
    client_result_.reset();
    settle();
  }
}

// A second ticket would cost time for nothing: a client that resumes receives another one.
TEST_F(TlsStreamTest, AHandshakeIssuesOneTicket) {
  for (const bool resumed : {false, true}) {
    server_.reset();
    client_.reset();
    connect();
    EXPECT_EQ(server_->tls()->resumed, resumed);
    EXPECT_EQ(write(*server_, "x"), 1);
    EXPECT_EQ(read(*client_), "x");
    SSL_SESSION* const first = sessions_->take();
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(sessions_->take(), nullptr);
    sessions_->put(first);
  }
}

TEST_F(TlsStreamTest, SessionsAreResumed) {
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

}  // namespace
}  // namespace onehop::net
