// SPDX-License-Identifier: Apache-2.0
//
// The PING frames that an HTTP/2 client gets. A kernel socket shows what the client has not read.
#include <onehop/scope.hpp>

#include "net/tcp_stream.hpp"
#include "server/worker.hpp"
#include "support/h2_frames.hpp"
#include "support/stream_pair.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using h2_frames::frame;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class H2PingTest : public test::StreamPair {
 protected:
  H2PingTest() : common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    worker_ =
        std::make_unique<Worker>(reactor_, common_, make_handler([](Request) -> task<Response> {
                                   co_await sleep_for(1h);
                                   co_return Response(Status::ok, "done");
                                 }));
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    client_ = io::FileDescriptor(ends[0]);
    worker_->adopt(std::make_unique<net::TcpStream>(reactor_, io::FileDescriptor(ends[1]),
                                                    net::TcpStream::Role::accepted),
                   AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"), false);
    send(std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0));
    send(
        frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream, 1,
              h2_frames::block(
                  {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}})));
    settle();
  }
  void send(std::string_view text) {
    EXPECT_EQ(::write(client_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // Returns the frames that have arrived since the last call.
  std::vector<h2_frames::Frame> receive() {
    std::string text(4096, '\0');
    const ssize_t got = ::read(client_.get(), text.data(), text.size());
    data_.append(text, 0, got > 0 ? static_cast<std::size_t>(got) : 0);
    return h2_frames::take_frames(data_);
  }
  std::vector<h2_frames::Frame> receive(std::uint8_t type) {
    auto frames = receive();
    std::erase_if(frames, [type](const auto& one) { return one.type != type; });
    return frames;
  }

  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
  io::FileDescriptor client_;
  std::string data_;
};

// A PING would queue after the bytes that the client reads slowly.
TEST_F(H2PingTest, DoesNotPingAClientWithUnreadData) {
  advance(200s);
  EXPECT_THAT(receive(h2_frames::ping), IsEmpty());
  advance(20s);
  EXPECT_THAT(receive(h2_frames::ping), SizeIs(1)) << "it has read all, and is still silent";
}

// The first GOAWAY comes with a PING of its own.
TEST_F(H2PingTest, AnEarlierAckDoesNotTriggerTheFinalGoaway) {
  receive();
  advance(70s);
  const auto asked = receive(h2_frames::ping);
  ASSERT_THAT(asked, SizeIs(1));
  const std::string answer = frame(h2_frames::ping, h2_frames::kAck, 0, asked[0].payload);
  worker_->drain(reactor_.now() + 30s, [] {});
  settle();
  EXPECT_THAT(receive(h2_frames::goaway), SizeIs(1));
  send(answer);
  settle();
  EXPECT_THAT(receive(h2_frames::goaway), IsEmpty());
  send(answer);
  settle();
  EXPECT_THAT(receive(h2_frames::goaway), SizeIs(1));
}

}  // namespace
}  // namespace onehop::server
