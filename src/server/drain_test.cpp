// SPDX-License-Identifier: Apache-2.0
//
// What happens between the beginning of a drain and the next look of the event loop at its
// connections: a client that has sent a request by then is served, and the drain ends by itself.
#include <onehop/scope.hpp>

#include "net/tcp_stream.hpp"
#include "server/worker.hpp"
#include "support/h2_frames.hpp"
#include "support/messages.hpp"
#include "support/stream_pair.hpp"

#include <cerrno>
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
using test::status_of;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Two pieces with a second between them.
class SlowBody final : public BodySource {
 public:
  task<Result<bytes>> read() override {
    const int read = reads_++;
    if (read > 1) co_return bytes();
    if (read == 1) co_await sleep_for(1s);
    co_return bytes("half");
  }
  std::optional<std::uint64_t> length() const override { return 8; }

 private:
  int reads_ = 0;
};

class DrainTest : public test::StreamPair {
 protected:
  DrainTest() : common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    *common_->settings.options = exchanges_.options();
    worker_ = std::make_unique<Worker>(
        reactor_, common_, make_handler([](Request request) {
          if (request.url().path() == "/slow") {
            return Response(Status::ok, Headers(), Body::from(std::make_unique<SlowBody>()));
          }
          return Response(Status::ok, "done");
        }));
  }
  static AcceptedFrom origin() { return {*net::Address::from_ip("192.0.2.1", 5), "s:80"}; }

  void drain() {
    worker_->drain(reactor_.now() + 30s, [this] { drained_ = true; });
  }
  bool is_drained_before_its_deadline() const { return drained_ && !worker_->was_cut(); }

  test::ExchangeLog exchanges_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
  bool drained_ = false;
};

// --- HTTP/1 over a kernel socket, whose bytes no pass of the event loop has seen ---------------

class DrainedSocket : public DrainTest {
 protected:
  DrainedSocket() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    client_ = io::FileDescriptor(ends[0]);
    worker_->adopt(std::make_unique<net::TcpStream>(reactor_, io::FileDescriptor(ends[1]),
                                                    net::TcpStream::Role::accepted),
                   origin(), false);
    settle();
  }
  void send(std::string_view text) {
    EXPECT_EQ(::write(client_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  static std::string get(std::string_view path) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  std::string receive() {
    std::string text(4096, '\0');
    const ssize_t got = ::read(client_.get(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  // Reports whether the server has closed, and everything that it sent was received.
  bool is_at_end() {
    char byte = 0;
    return ::read(client_.get(), &byte, 1) == 0;
  }

  io::FileDescriptor client_;
};

TEST_F(DrainedSocket, ARequestOnAnIdleConnectionIsServed) {
  send(get("/"));
  settle();
  const std::string first = receive();
  EXPECT_EQ(status_of(first), 200);
  EXPECT_THAT(first, Not(HasSubstr("Connection: close")));
  send(get("/"));
  drain();
  settle();
  const std::string second = receive();
  EXPECT_EQ(status_of(second), 200);
  EXPECT_THAT(second, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(is_at_end());
  EXPECT_TRUE(is_drained_before_its_deadline());
}

// The head of the first response was sent before the drain, so it could not announce the close.
TEST_F(DrainedSocket, ARequestThatArrivesBeforeTheEndOfTheResponseIsServed) {
  send(get("/slow"));
  settle();
  EXPECT_THAT(receive(), EndsWith("\r\n\r\nhalf"));
  drain();
  settle();
  reactor_.set_time(reactor_.now() + 1s);
  send(get("/"));
  settle();
  const std::string rest = receive();
  ASSERT_THAT(rest, StartsWith("half"));
  EXPECT_EQ(status_of(rest.substr(4)), 200);
  EXPECT_THAT(rest, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(is_at_end());
  EXPECT_TRUE(is_drained_before_its_deadline());
}

TEST_F(DrainedSocket, AnIdleConnectionIsClosed) {
  send(get("/"));
  settle();
  receive();
  drain();
  settle();
  EXPECT_TRUE(is_at_end());
  EXPECT_TRUE(is_drained_before_its_deadline());
}

// The client cannot know that its connection came too late.
TEST_F(DrainedSocket, ANewConnectionIsServed) {
  drain();
  settle();
  reactor_.set_time(reactor_.now() + 900ms);
  settle();
  send(get("/"));
  settle();
  const std::string response = receive();
  EXPECT_EQ(status_of(response), 200);
  EXPECT_THAT(response, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(is_at_end());
  EXPECT_TRUE(is_drained_before_its_deadline());
}

TEST_F(DrainedSocket, AnUnusedNewConnectionIsClosedSoon) {
  drain();
  settle();
  EXPECT_FALSE(drained_);
  reactor_.set_time(reactor_.now() + 1100ms);
  settle();
  EXPECT_TRUE(is_at_end());
  EXPECT_TRUE(is_drained_before_its_deadline());
}

TEST_F(DrainedSocket, ALongUnusedConnectionIsClosedAtOnce) {
  reactor_.set_time(reactor_.now() + 1100ms);
  settle();
  drain();
  settle();
  EXPECT_TRUE(is_at_end());
  EXPECT_TRUE(is_drained_before_its_deadline());
}

// --- HTTP/2 ------------------------------------------------------------------------------------

class DrainedHttp2 : public DrainTest {
 protected:
  static std::string hello() {
    return std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0);
  }
  static std::string get(std::uint32_t stream) {
    return frame(
        h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream, stream,
        h2_frames::block(
            {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}}));
  }
  void adopt() {
    worker_->adopt(std::move(near_), origin(), false);
    settle();
  }
  // Returns the frames that have arrived since the last call.
  std::vector<h2_frames::Frame> frames(std::uint8_t type) {
    data_ += far_.receive();
    auto taken = h2_frames::take_frames(data_);
    std::erase_if(taken, [type](const auto& one) { return one.type != type; });
    return taken;
  }
  // Returns the last streams that GOAWAY frames have named since the last call.
  std::vector<std::string> goaways() {
    std::vector<std::string> last;
    for (const h2_frames::Frame& one : frames(h2_frames::goaway))
      last.push_back(one.payload.substr(0, 4));
    return last;
  }
  static std::string stream(std::uint32_t id) { return h2_frames::number(id, 4); }

  std::string data_;
};

constexpr std::uint32_t kAnyStream = 0x7fffffff;

// The connection was in the listener's backlog when the drain began.
TEST_F(DrainedHttp2, AConnectionAcceptedDuringTheDrainIsServedAndEnds) {
  auto first = std::exchange(near_, nullptr);
  test::FarEnd other = std::move(far_);
  worker_->adopt(std::move(first), origin(), false);  // keeps the drain going
  other.send("GET / HTTP/1.1\r\nHo");
  settle();
  drain();
  join();
  far_.send(h2_frames::kPreface);
  adopt();
  far_.send(hello().substr(h2_frames::kPreface.size()) + get(1));
  settle();
  data_ += far_.receive();
  std::string all = data_;
  bool answered = false;
  std::vector<std::string> named;
  for (const h2_frames::Frame& one : h2_frames::take_frames(all)) {
    answered = answered || (one.type == h2_frames::data && one.stream == 1 &&
                            (one.flags & h2_frames::kEndStream) != 0 && one.payload == "done");
    if (one.type == h2_frames::goaway) named.push_back(one.payload.substr(0, 4));
  }
  EXPECT_TRUE(answered);
  EXPECT_THAT(named, ::testing::ElementsAre(stream(kAnyStream)));
  data_.clear();
  advance(3s);
  EXPECT_THAT(goaways(), ::testing::ElementsAre(stream(1)));
  EXPECT_EQ(far_.ending(), "end");
  far_.close();
  other.send("st: h\r\n\r\n");
  settle();
  EXPECT_EQ(status_of(other.receive()), 200);
  other.close();
  settle();
  EXPECT_TRUE(is_drained_before_its_deadline());
}

// The client acknowledges the PING after the first GOAWAY, which shows that it has read the GOAWAY.
TEST_F(DrainedHttp2, APingAckTriggersTheFinalGoawayAtOnce) {
  adopt();
  far_.send(hello() + get(1));
  settle();
  EXPECT_THAT(goaways(), ::testing::IsEmpty());
  drain();
  settle();
  data_ += far_.receive();
  std::string copy = data_;
  std::vector<std::string> named;
  std::string question;
  for (const h2_frames::Frame& one : h2_frames::take_frames(copy)) {
    if (one.type == h2_frames::goaway) named.push_back(one.payload.substr(0, 4));
    if (one.type == h2_frames::ping) question = one.payload;
  }
  data_.clear();
  EXPECT_THAT(named, ::testing::ElementsAre(stream(kAnyStream)));
  ASSERT_EQ(question.size(), 8u);
  far_.send(get(3) + frame(h2_frames::ping, h2_frames::kAck, 0, question));
  settle();  // no time passes
  EXPECT_THAT(goaways(), ::testing::ElementsAre(stream(3)));
  EXPECT_EQ(exchanges_.size(), 2u) << "what it had asked before it knew is served";
  far_.close();
  settle();
  EXPECT_TRUE(is_drained_before_its_deadline());
}

TEST_F(DrainedHttp2, AHeadThatHasBegunHasFiveSecondsToArrive) {
  adopt();
  far_.send(hello() + frame(h2_frames::headers, 0, 1, h2_frames::block({{":method", "GET"}})));
  settle();
  advance(4s);
  drain();
  advance(4s);
  EXPECT_EQ(exchanges_.size(), 0u);
  advance(2500ms);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::timed_out));
  far_.close();
  settle();
  EXPECT_TRUE(is_drained_before_its_deadline());
}

}  // namespace
}  // namespace onehop::server
