// SPDX-License-Identifier: Apache-2.0
#include "transport/h1_exchange.hpp"

#include <onehop/scope.hpp>

#include "net/tcp_stream.hpp"
#include "support/bodies.hpp"
#include "support/stream_pair.hpp"
#include "transport/connection_pool.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace onehop::transport {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;

class SocketDialer final : public net::Dialer {
 public:
  SocketDialer(io::Reactor& reactor, io::FileDescriptor socket)
      : reactor_(reactor), socket_(std::move(socket)) {}
  task<Result<net::Dialled>> dial(const net::Destination&) override {
    co_return net::Dialled(std::make_unique<net::TcpStream>(reactor_, std::move(socket_),
                                                            net::TcpStream::Role::connected),
                           "peer");
  }

 private:
  io::Reactor& reactor_;
  io::FileDescriptor socket_;
};

// Three bytes at once, and three more each second.
class SlowContent final : public BodySource {
 public:
  explicit SlowContent(bool& gone) : witness_(gone) {}
  task<Result<bytes>> read() override {
    if (std::exchange(begun_, true)) co_await sleep_for(1s);
    co_return bytes("abc");
  }
  std::optional<std::uint64_t> length() const override { return 900; }

 private:
  test::Witness witness_;
  bool begun_ = false;
};

// An upstream that stops reading, so that writing fails while responses still arrive. Only a kernel
// does that, so the test uses a socket pair.
class H1ExchangeTest : public test::StreamPair {
 protected:
  H1ExchangeTest() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    upstream_ = io::FileDescriptor(ends[0]);
    pool_ = std::make_unique<ConnectionPool>(
        reactor_, std::make_shared<SharedPools>(Transport::Options()),
        std::make_unique<SocketDialer>(reactor_, io::FileDescriptor(ends[1])));
    answering_ = ask();
    answering_.start();
    settle();
    EXPECT_THAT(heard(), EndsWith("\r\n\r\nabc"));
  }

  task<Result<Response>> ask() {
    Request request(Method::post, Url::parse("http://peer/").value(), Headers({{"Host", "peer"}}),
                    Body::from(std::make_unique<SlowContent>(content_gone_)));
    auto taken = co_await pool_->origin(request.url()).lease(Need(), reactor_.now());
    if (!taken) co_return failure(taken.error());
    exchange_ = std::make_unique<H1Exchange>(taken->take_h1());
    exchange_->begin(request, nullptr);
    std::optional<Result<Response>> response;
    while (!response) {
      const auto wait = co_await exchange_->wait_for_response();
      exchange_->on_wait(wait);
      response = exchange_->try_response(request);
    }
    co_return std::move(*response);
  }
  std::string heard() {
    char buffer[1000];
    const ssize_t got = ::read(upstream_.get(), buffer, sizeof buffer);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
  }
  void say(std::string_view text) {
    EXPECT_EQ(::write(upstream_.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
    settle();
  }
  // Makes the next piece of the content unwritable.
  void stop_reading() {
    ASSERT_EQ(::shutdown(upstream_.get(), SHUT_RD), 0);
    advance(1100ms);
  }
  // Expects a complete response, on a connection that cannot be used again.
  void expect_whole_answer() {
    ASSERT_TRUE(answering_.done());
    const auto response = answering_.take();
    ASSERT_TRUE(response) << response.error().to_string();
    EXPECT_EQ(response->status(), Status::ok);
    EXPECT_TRUE(content_gone_) << "whoever sends it would wait";
    const auto piece = exchange_->try_read(100);
    ASSERT_TRUE(piece && *piece);
    EXPECT_EQ(**piece, "ok");
    EXPECT_TRUE(exchange_->is_complete());
    exchange_.reset();
    EXPECT_EQ(pool_->context().counters().idle.value(), 0u);
    EXPECT_EQ(pool_->context().counters().open.value(), 0u);
  }

  bool content_gone_ = false;
  io::FileDescriptor upstream_;
  std::unique_ptr<ConnectionPool> pool_;
  std::unique_ptr<H1Exchange> exchange_;
  task<Result<Response>> answering_;
};

TEST_F(H1ExchangeTest, AcceptsAResponseThatBeginsAfterSendingFails) {
  stop_reading();
  EXPECT_FALSE(answering_.done());
  EXPECT_FALSE(content_gone_) << "it could be for another attempt";
  say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  expect_whole_answer();
}

TEST_F(H1ExchangeTest, AcceptsAResponseThatBeganBeforeSendingFailed) {
  say("HTTP/1.1 200 OK\r\nContent-");
  stop_reading();
  EXPECT_FALSE(answering_.done());
  EXPECT_TRUE(content_gone_);
  say("Length: 2\r\n\r\nok");
  expect_whole_answer();
}

TEST_F(H1ExchangeTest, BlamesTheUpstreamIfNoResponseArrives) {
  stop_reading();
  EXPECT_FALSE(answering_.done());
  upstream_ = {};
  settle();
  ASSERT_TRUE(answering_.done());
  const auto response = answering_.take();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().side(), Side::upstream);
  EXPECT_EQ(response.error().phase(), Phase::wait);
  EXPECT_FALSE(response.error().retry_safe()) << "some of it has arrived";
}

}  // namespace
}  // namespace onehop::transport
