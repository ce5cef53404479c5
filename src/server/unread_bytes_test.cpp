// SPDX-License-Identifier: Apache-2.0
//
// A response is sent, or the client has closed, while bytes of the client are still unread.
#include <onehop/scope.hpp>
#include <onehop/testing.hpp>

#include "io/event.hpp"
#include "net/tcp_stream.hpp"
#include "server/worker.hpp"
#include "support/messages.hpp"
#include "support/stream_pair.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using test::status_of;
using ::testing::EndsWith;

// An empty response that passes the content of its request on, in one piece and slowly.
class PassingOn final : public BodySource {
 public:
  PassingOn(Request request, io::Event& go, std::string& passed)
      : request_(std::move(request)), go_(go), passed_(passed) {
    scope_.spawn(pass_on());
  }
  task<Result<bytes>> read() override { co_return bytes(); }
  bool passes_content_on() const noexcept override { return true; }

 private:
  task<void> pass_on() {
    co_await go_.wait();
    const auto piece = co_await request_.body().read_all(100);
    const std::string text(piece.value_or("incomplete"));
    co_await sleep_for(1s);
    passed_ += text;
    request_.set_body(Body());
  }

  Request request_;
  io::Event& go_;
  std::string& passed_;
  Scope scope_;
};

class UnreadBytes : public test::StreamPair {
 protected:
  UnreadBytes() : common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    *common_->settings.options = exchanges_.options();
  }
  void serve(std::shared_ptr<const Handler> handler) {
    worker_ = std::make_unique<Worker>(reactor_, common_, std::move(handler));
  }
  void adopt(std::unique_ptr<net::Stream> stream) {
    worker_->adopt(std::move(stream), AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"),
                   false);
  }

  test::ExchangeLog exchanges_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
};

// The client may have sent still more requests before it learns that the connection ends.
TEST_F(UnreadBytes, LingersIfARequestFollowsTheLastOne) {
  serve(testing::recorder(Status::ok, "fine"));
  adopt(std::move(near_));
  constexpr std::string_view kTwo =
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
  far_.send(kTwo);
  settle();
  EXPECT_EQ(common_->admission.connections(), 1u);
  EXPECT_THAT(far_.receive(), EndsWith("\r\n\r\nfine"));
  EXPECT_EQ(far_.ending(), "end");
  EXPECT_EQ(exchanges_.size(), 1u);
  far_.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  settle();
  EXPECT_EQ(common_->admission.connections(), 1u);
  advance(6s);
  EXPECT_EQ(common_->admission.connections(), 0u);
}

// Some clients send a CRLF after their content. No event has reported it when the response is
// sent.
TEST_F(UnreadBytes, DoesNotResetALastResponseIfMoreHasArrived) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const io::FileDescriptor client(ends[0]);
  serve(make_handler([&client](Request) {
    EXPECT_EQ(::write(client.get(), "\r\n", 2), 2);
    return Response(Status::ok, "fine");
  }));
  constexpr std::string_view kLast = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(::write(client.get(), kLast.data(), kLast.size()), static_cast<ssize_t>(kLast.size()));
  adopt(std::make_unique<net::TcpStream>(reactor_, io::FileDescriptor(ends[1]),
                                         net::TcpStream::Role::accepted));
  settle();
  std::string answer(4096, '\0');
  const ssize_t got = ::read(client.get(), answer.data(), answer.size());
  answer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  EXPECT_THAT(answer, EndsWith("\r\n\r\nfine"));
  char rest = 0;
  EXPECT_EQ(::read(client.get(), &rest, 1), 0) << "a reset would be an error";
}

// A unix socket reports that its peer has closed while the content is still in the socket.
TEST_F(UnreadBytes, AClientMayCloseAUnixSocketOnceItHasSentItsContent) {
  for (const bool closes_first : {true, false}) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    io::FileDescriptor client(ends[0]);
    io::Event go(reactor_);
    std::string passed;
    serve(make_handler([&](Request request) {
      auto body = std::make_unique<PassingOn>(std::move(request), go, passed);
      return Response(Status::ok, Headers(), Body::from(std::move(body)));
    }));
    adopt(std::make_unique<net::TcpStream>(reactor_, io::FileDescriptor(ends[1]),
                                           net::TcpStream::Role::accepted));
    constexpr std::string_view kHead = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n";
    ASSERT_EQ(::write(client.get(), kHead.data(), kHead.size()),
              static_cast<ssize_t>(kHead.size()));
    settle();
    std::string answer(4096, '\0');
    ASSERT_GT(::read(client.get(), answer.data(), answer.size()), 0);
    EXPECT_EQ(status_of(answer), 200);
    advance(10ms);  // until the socket is in epoll
    ASSERT_EQ(::write(client.get(), "abcdef", 6), 6);
    client.reset();
    if (closes_first) settle();
    go.set();
    settle();
    EXPECT_EQ(passed, "") << "the last piece is read, and on its way";
    advance(2s);
    EXPECT_EQ(passed, "abcdef") << closes_first;
    EXPECT_EQ(common_->admission.connections(), 0u);
    EXPECT_EQ(exchanges_.last().request_body, 6u);
    worker_.reset();
  }
}

}  // namespace
}  // namespace onehop::server
