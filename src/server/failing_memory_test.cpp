// SPDX-License-Identifier: Apache-2.0
//
// Memory runs out once, at every allocation of an exchange in turn. No exception may leave the
// event loop, since that would end the worker with all its connections, and the client must not be
// left waiting.
#include "io/file_descriptor.hpp"
#include "net/tcp_stream.hpp"
#include "server/worker.hpp"
#include "support/failing_allocation.hpp"
#include "support/h2_peer.hpp"
#include "support/messages.hpp"
#include "support/stream_pair.hpp"

#include <cerrno>
#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using h2_frames::block;
using h2_frames::frame;
using ::testing::IsEmpty;

// The client sends this in two steps. The server reads the first while there is memory.
struct Script {
  const char* name;
  std::string hello;
  std::string request;
};

std::string h2_hello() {
  return std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0) +
         frame(h2_frames::settings, h2_frames::kAck, 0);
}

std::string h2_head(std::string_view method, std::uint8_t flags) {
  return frame(h2_frames::headers, flags, 1,
               block({{":method", method},
                      {":scheme", "http"},
                      {":authority", "h"},
                      {":path", "/"},
                      {"cookie", "a=b"},
                      {"cookie", "c=d"}}));
}

std::vector<Script> scripts() {
  using namespace h2_frames;
  return {
      {"Http2Get", h2_hello(), h2_head("GET", kEndHeaders | kEndStream)},
      {"Http2Post", h2_hello(),
       h2_head("POST", kEndHeaders) + frame(data, 0, 1, "content") +
           frame(headers, kEndHeaders | kEndStream, 1, block({{"x-sum", "7"}}))},
      {"Http2Malformed", h2_hello(), h2_head("CONNECT", kEndHeaders | kEndStream)},
      {"Http2Preface", "", h2_hello() + h2_head("GET", kEndHeaders | kEndStream)},
      {"Http1Get", "", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"},
      {"Http1Post", "",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n"},
      {"Http1Malformed", "", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n"},
  };
}

class FailingMemory : public test::StreamPair, public ::testing::WithParamInterface<Script> {
 protected:
  void serve() {
    worker_.reset();
    common_ = std::make_shared<ServerShared>();
    common_->admission.set_max_connections(100);
    *common_->settings.options = exchanges_.options();
    worker_ = std::make_unique<Worker>(
        reactor_, common_, make_handler([](Request request) -> task<Response> {
          auto content = co_await request.body().read_all(1000);
          co_return Response(Status::ok, "answer " + content.value_or("none"));
        }));
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    client_ = io::FileDescriptor(ends[0]);
    worker_->adopt(std::make_unique<net::TcpStream>(reactor_, io::FileDescriptor(ends[1]),
                                                    net::TcpStream::Role::accepted),
                   AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"), false);
    send(GetParam().hello);
    settle();
    is_at_end_ = false;
    receive();
  }
  // The client is a kernel socket, so that the failing allocation is never the test's own.
  void send(const std::string& text) {
    EXPECT_EQ(::send(client_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  std::string receive() {
    std::string all;
    char piece[4096];
    for (;;) {
      const ssize_t got = ::recv(client_.get(), piece, sizeof piece, 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) is_at_end_ = true;
      if (got <= 0) return all;
      all.append(piece, static_cast<std::size_t>(got));
    }
  }
  // Returns the problem if the allocation after `many` fails, or std::nullopt once none has failed.
  std::optional<std::string> fail_after(std::size_t many) {
    serve();
    send(GetParam().request);
    bool has_left = false;
    bool has_failed = false;
    {
      const FailingAllocation failing(many);
      try {
        settle();
      } catch (const std::bad_alloc&) {
        has_left = true;
      }
      has_failed = failing.is_over();
    }
    if (!has_failed) return std::nullopt;
    if (has_left) return "an exception has left the event loop";
    advance(5min);
    const std::string said = receive();
    if (is_at_end_) return "";
    if (!GetParam().request.starts_with(h2_frames::kPreface) && GetParam().hello.empty())
      return test::status_of(said) != 0 ? "" : "no answer, and no end";
    test::H2Peer peer;
    peer.take(said);
    const auto& stream = peer.streams()[1];
    return stream.ended || stream.reset ? "" : "the stream has no end";
  }

  test::ExchangeLog exchanges_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
  io::FileDescriptor client_;
  bool is_at_end_ = false;
};

TEST_P(FailingMemory, EndsTheStreamOrTheConnection) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  std::vector<std::string> problems;
  std::size_t many = 0;
  for (auto problem = fail_after(many); problem; problem = fail_after(++many)) {
    if (!problem->empty()) problems.push_back(std::to_string(many) + ": " + *problem);
  }
  EXPECT_GT(many, 2u) << "so many allocations at least";
  EXPECT_THAT(problems, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, FailingMemory, ::testing::ValuesIn(scripts()), [](const auto& each) {
  return std::string(each.param.name);
});

// The server keeps a part of a head that is too large for its scratch memory and for the client.
class FailingMemoryOfAHead : public test::StreamPair {
 protected:
  // Returns everything that the client has received. Sets `has_failed` if an allocation has failed.
  std::string serve(std::size_t many, bool& has_failed) {
    const auto common = std::make_shared<ServerShared>();
    common->admission.set_max_connections(100);
    *common->settings.options = exchanges_.options();
    Worker worker(reactor_, common, make_handler([](Request) {
                    return Response(Status::ok, Headers({{"X-Large", std::string(200'000, 'x')}}),
                                    Body::of("content"));
                  }));
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    const io::FileDescriptor client(ends[0]);
    const int small = 4096;
    ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    worker.adopt(std::make_unique<net::TcpStream>(reactor_, io::FileDescriptor(ends[1]),
                                                  net::TcpStream::Role::accepted),
                 AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"), false);
    settle();
    constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    EXPECT_EQ(::send(client.get(), kGet.data(), kGet.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(kGet.size()));
    {
      const FailingAllocation failing(many);
      settle();
      has_failed = failing.is_over();
    }
    std::string all;
    char piece[4096];
    for (int quiet = 0; quiet < 3;) {
      settle();
      const ssize_t got = ::recv(client.get(), piece, sizeof piece, 0);
      if (got == 0) break;
      quiet = got > 0 ? 0 : quiet + 1;
      if (got > 0) all.append(piece, static_cast<std::size_t>(got));
    }
    return all;
  }

  test::ExchangeLog exchanges_;
};

TEST_F(FailingMemoryOfAHead, SendsNoSecondHead) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  bool has_failed = true;
  for (std::size_t many = 0; has_failed; ++many) {
    const std::string said = serve(many, has_failed);
    EXPECT_EQ(said.find("HTTP/1.1 ", 1), std::string::npos) << many;
    if (!has_failed) {
      EXPECT_THAT(said, ::testing::EndsWith("\r\n\r\ncontent"));
    }
  }
}

}  // namespace
}  // namespace onehop::server
