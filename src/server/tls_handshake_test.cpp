// SPDX-License-Identifier: Apache-2.0
#include "server/tls_handshake.hpp"

#include "server/worker.hpp"
#include "support/stream_pair.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::size_t kHolds = std::size_t{64} * 1024;  // the capacity of a connection in memory

// A client that does not speak TLS, and the server's response to it.
class TlsHandshakeTest : public test::StreamPair {
 protected:
  TlsHandshakeTest() : common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    common_->settings.options->tls.emplace();
    common_->settings.options->tls->self_signed = true;
    common_->settings.options->log = [this](LogLevel level, std::string_view line) {
      lines_.push_back((level == LogLevel::warning ? "warning " : "info ") + std::string(line));
    };
    EXPECT_TRUE(common_->settings.make_tls(common_->log_of_tls()));
    const auto handler = make_handler([](Request) { return Response(Status::ok, "secret"); });
    worker_ = std::make_unique<Worker>(reactor_, common_, handler);
    adopt(std::move(near_));
  }
  void adopt(std::unique_ptr<net::Stream> stream) {
    worker_->adopt(std::move(stream), AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:443"),
                   true);
  }
  // Another client sends `says` and leaves.
  void meet(std::string_view says) {
    auto [near, far] = net::make_memory_pair(reactor_);
    adopt(std::move(near));
    far->try_write(says.data(), says.size());
    settle();
    far->close_write();
    settle();
    far.reset();
    settle();
  }
  // Returns the client's input after it has sent bytes that the server refuses.
  std::string refusal(std::string_view of) {
    far_.send(of);
    settle();
    return far_.receive();
  }
  std::size_t connections() const { return common_->admission.connections(); }

  std::vector<std::string> lines_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
};

constexpr std::string_view kNoise("\x16\x03\x01\0\5hello", 10);

TEST_F(TlsHandshakeTest, WarnsOfAFailureOnceInTenSeconds) {
  far_.close();
  settle();
  lines_.clear();
  meet(kNoise);
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_THAT(lines_[0], StartsWith("warning TLS handshake failed: peer=192.0.2.1:5 failure=\""));
  meet(kNoise);
  meet(kNoise);
  ASSERT_THAT(lines_, SizeIs(3));
  EXPECT_THAT(lines_[1], StartsWith("info TLS handshake failed: "));
  EXPECT_THAT(lines_[2], StartsWith("info TLS handshake failed: "));
  advance(10s);
  ASSERT_THAT(lines_, SizeIs(4)) << "the burst is over";
  EXPECT_EQ(lines_[3], "warning TLS handshake failed (2 more since the last such line)");
  advance(10s);
  meet(kNoise);
  ASSERT_THAT(lines_, SizeIs(5));
  EXPECT_THAT(lines_[4], StartsWith("warning TLS handshake failed: peer=192.0.2.1:5 "));
  meet(kNoise);
  worker_->drain(io::Time(), [] {});
  ASSERT_THAT(lines_, SizeIs(7)) << "nor is the end silent about it";
  EXPECT_EQ(lines_[6], "warning TLS handshake failed (1 more since the last such line)");
}

TEST_F(TlsHandshakeTest, WarnsOfPlainHttpSeparately) {
  meet(kNoise);
  meet("GET / HTTP/1.1\r\n\r\n");
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_THAT(lines_[1], StartsWith("warning TLS handshake failed: peer=192.0.2.1:5 "));
  EXPECT_THAT(lines_[1], HasSubstr("the client spoke plain HTTP"));
}

// Load balancers probe the port every few seconds.
TEST_F(TlsHandshakeTest, DoesNotWarnOfAPortProbe) {
  meet("");
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_THAT(lines_[0], StartsWith("info TLS handshake failed: "));
}

// If the server closed at once with bytes unread, a reset could destroy the response.
TEST_F(TlsHandshakeTest, AClientThatKeepsSendingStillGetsTheReason) {
  EXPECT_THAT(refusal("GET / HTTP/1.1\r\nHost: h\r\n"), StartsWith("HTTP/1.0 400 "));
  EXPECT_EQ(far_.ending(), "end");
  EXPECT_EQ(connections(), 1u);
  EXPECT_EQ(far_.send(std::string(kHolds, 'x')), kHolds);
  settle();
  EXPECT_EQ(far_.send(std::string(kHolds, 'x')), kHolds) << "the first was read, and dropped";
  settle();
  EXPECT_EQ(far_.ending(), "end");
  far_.close();
  settle();
  EXPECT_EQ(connections(), 0u);
}

TEST_F(TlsHandshakeTest, NoiseGetsAnAlert) {
  constexpr std::string_view kNoAgreement("\x16\x03\x01\0\5hello", 10);
  constexpr std::string_view kAlert("\x15\x03", 2);
  EXPECT_THAT(refusal(kNoAgreement), StartsWith(kAlert));
  EXPECT_EQ(far_.ending(), "end");
  EXPECT_EQ(connections(), 1u);
}

TEST_F(TlsHandshakeTest, LimitsTheLingerTimeAfterARefusal) {
  refusal("GET / HTTP/1.1\r\n");
  advance(900ms);
  EXPECT_EQ(connections(), 1u);
  far_.send("x");
  advance(200ms);
  EXPECT_EQ(connections(), 0u);
}

TEST_F(TlsHandshakeTest, LimitsTheLingerBytesAfterARefusal) {
  refusal("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 3; ++i) {
    far_.send(std::string(kHolds, 'x'));
    settle();
    EXPECT_EQ(connections(), 1u);
  }
  far_.send(std::string(kHolds, 'x'));
  settle();
  EXPECT_EQ(connections(), 1u) << "to close with unread bytes would reset the connection";
  advance(1100ms);
  EXPECT_EQ(connections(), 0u);
}

TEST_F(TlsHandshakeTest, ADrainWaitsForALingeringRefusal) {
  refusal("GET / HTTP/1.1\r\n");
  bool drained = false;
  worker_->drain(reactor_.now() + 30s, [&drained] { drained = true; });
  settle();
  EXPECT_FALSE(drained);
  advance(1100ms);
  EXPECT_TRUE(drained);
  EXPECT_FALSE(worker_->was_cut());
}

TEST_F(TlsHandshakeTest, ADrainWaitsForAStartedHandshake) {
  far_.send("\x16\x03\x01");
  settle();
  bool drained = false;
  worker_->drain(reactor_.now() + 30s, [&drained] { drained = true; });
  settle();
  advance(4900ms);
  EXPECT_EQ(connections(), 1u);
  advance(200ms);
  EXPECT_EQ(connections(), 0u);
  EXPECT_TRUE(drained);
  EXPECT_FALSE(worker_->was_cut());
}

TEST_F(TlsHandshakeTest, ADrainWaitsLessForAnUnstartedHandshake) {
  bool drained = false;
  worker_->drain(reactor_.now() + 30s, [&drained] { drained = true; });
  settle();
  advance(900ms);
  EXPECT_EQ(connections(), 1u);
  advance(200ms);
  EXPECT_EQ(connections(), 0u);
  EXPECT_TRUE(drained);
}

TEST_F(TlsHandshakeTest, AStopCutsALingeringRefusal) {
  refusal("GET / HTTP/1.1\r\n");
  worker_.reset();
  EXPECT_EQ(connections(), 0u);
  EXPECT_EQ(far_.ending(), "end");
}

// The client has not completed its first message, so the server sends nothing.
TEST_F(TlsHandshakeTest, ASlowClientIsClosedWithoutAnAlert) {
  far_.send("\x16\x03\x01");
  advance(9900ms);
  EXPECT_EQ(connections(), 1u);
  advance(200ms);
  EXPECT_EQ(connections(), 0u);
  EXPECT_EQ(far_.receive(), "");
}

TEST_F(TlsHandshakeTest, AResetClosesTheConnectionAtOnce) {
  refusal("GET / HTTP/1.1\r\n");
  far_.reset();
  settle();
  EXPECT_EQ(connections(), 0u);
}

}  // namespace
}  // namespace onehop::server
