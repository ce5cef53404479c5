// SPDX-License-Identifier: Apache-2.0
//
// An allocation fails, in turn at every place where an upstream's response or its end is received.
// No exception leaves the event loop or a destructor, and the client learns of the failure at once.
#include <onehop/reverse_proxy.hpp>
#include <onehop/transport.hpp>

#include "io/file_descriptor.hpp"
#include "net/tcp_stream.hpp"
#include "proxy/single_host.hpp"
#include "server/worker.hpp"
#include "support/failing_allocation.hpp"
#include "support/h2_frames.hpp"
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

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace onehop {
namespace {

using h2_frames::block;
using h2_frames::frame;
using ::testing::IsEmpty;

enum class UpstreamVersion : std::uint8_t { h1, h2 };

// Both peers are kernel sockets, so that the test's own allocations do not fail.
class FailingUpstreamMemory : public test::StreamPair,
                              public ::testing::WithParamInterface<UpstreamVersion> {
 protected:
  FailingUpstreamMemory()
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), any, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 10), 0);
    EXPECT_EQ(::getsockname(listener_.get(), any, &size), 0);
    url_ = (GetParam() == UpstreamVersion::h1 ? "http://127.0.0.1:" : "h2c://127.0.0.1:") +
           std::to_string(ntohs(address.sin_port));
  }

  void serve() {
    worker_.reset();
    upstream_.reset();
    transport_ = std::make_shared<Transport>(Transport::Options());
    const RewriteBelow to_upstream(Url::parse(url_).value());
    common_ = std::make_shared<server::ServerShared>();
    common_->admission.set_max_connections(100);
    *common_->settings.options = exchanges_.options();
    worker_ =
        std::make_unique<server::Worker>(reactor_, common_,
                                         std::make_shared<ReverseProxy>(ReverseProxy::Options{
                                             .rewrite = to_upstream, .transport = transport_}));
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    client_ = io::FileDescriptor(ends[0]);
    worker_->adopt(std::make_unique<net::TcpStream>(reactor_, io::FileDescriptor(ends[1]),
                                                    net::TcpStream::Role::accepted),
                   server::AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"), false);
  }
  static void send(const io::FileDescriptor& to, const std::string& text) {
    EXPECT_EQ(::send(to.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // Returns the bytes that have arrived, or "end" if the connection has ended.
  static std::string receive(const io::FileDescriptor& from) {
    std::string all(10'000, '\0');
    const ssize_t got = ::recv(from.get(), all.data(), all.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return "end";
    all.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return all;
  }
  // Sends a request that is not retried.
  void ask() {
    send(client_, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
    settle();
  }
  void accept() {
    upstream_ = io::FileDescriptor(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (upstream_ && GetParam() == UpstreamVersion::h2)
      send(upstream_, frame(h2_frames::settings, 0, 0));
    settle();
  }
  static std::string response() {
    if (GetParam() == UpstreamVersion::h1) {
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ncontent\r\n0\r\nX-Sum: "
             "7\r\n\r\n";
    }
    return frame(h2_frames::headers, h2_frames::kEndHeaders, 1, block({{":status", "200"}})) +
           frame(h2_frames::data, 0, 1, "content") +
           frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream, 1,
                 block({{"x-sum", "7"}}));
  }
  // Makes allocation `many` fail. Returns the problem found, or std::nullopt if there was no such
  // allocation.
  std::optional<std::string> fail_after(std::size_t many, bool upstream_leaves) {
    serve();
    ask();
    accept();
    if (!upstream_) return "the upstream was not asked";
    if (upstream_leaves) {
      upstream_.reset();
    } else {
      send(upstream_, response());
    }
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
    settle();
    if (receive(client_).empty()) return "neither an answer nor an end";
    return "";
  }

  io::FileDescriptor listener_;
  std::string url_;
  test::ExchangeLog exchanges_;
  std::shared_ptr<Transport> transport_;
  std::shared_ptr<server::ServerShared> common_;
  std::unique_ptr<server::Worker> worker_;
  io::FileDescriptor client_;
  io::FileDescriptor upstream_;
};

TEST_P(FailingUpstreamMemory, IsReportedAtOnce) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  for (const bool leaves : {false, true}) {
    std::vector<std::string> problems;
    std::size_t many = 0;
    for (auto problem = fail_after(many, leaves); problem && many < 1000;
         problem = fail_after(++many, leaves)) {
      if (!problem->empty()) problems.push_back(std::to_string(many) + ": " + *problem);
    }
    EXPECT_GT(many, 0u) << "so many allocations at least";
    EXPECT_THAT(problems, IsEmpty()) << leaves;
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         FailingUpstreamMemory,
                         ::testing::Values(UpstreamVersion::h1, UpstreamVersion::h2),
                         [](const auto& each) {
                           return each.param == UpstreamVersion::h1 ? "Http1" : "Http2";
                         });

}  // namespace
}  // namespace onehop
