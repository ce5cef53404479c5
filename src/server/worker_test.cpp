// SPDX-License-Identifier: Apache-2.0
#include "server/worker.hpp"

#include <onehop/scope.hpp>
#include <onehop/testing.hpp>

#include "net/memory_stream.hpp"
#include "net/tcp_stream.hpp"
#include "support/h2_frames.hpp"
#include "support/messages.hpp"

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using test::status_of;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class SilentTunnel final : public Tunnel {
 public:
  task<Result<bytes>> read() override {
    co_await sleep_for(24h);
    co_return bytes();
  }
  task<Result<void>> write(bytes) override { co_return Result<void>(); }
  void close_write() override {}
};

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() : enter_(reactor_), common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    *common_->settings.options = exchanges_.options();
    serve(make_handler([](Request) -> task<Response> {
      co_await sleep_for(10s);
      co_return Response(Status::ok, "done");
    }));
  }

  void serve(std::shared_ptr<const Handler> handler) {
    worker_ = std::make_unique<Worker>(reactor_, common_, std::move(handler));
  }

  void settle() {
    while (reactor_.run_once(io::Duration::zero())) {
    }
  }
  void advance(io::Duration duration) {
    const net::Time end = reactor_.now() + duration;
    settle();
    while (reactor_.now() < end) {
      const auto next = reactor_.timers().next();
      reactor_.set_time(next && *next < end ? *next : end);
      settle();
    }
  }
  std::unique_ptr<net::MemoryStream> connect() {
    auto [near, far] = net::make_memory_pair(reactor_);
    const AcceptedFrom origin(*net::Address::from_ip("192.0.2.1", 5), "s:80");
    worker_->adopt(std::move(far), origin, false);
    settle();
    return std::move(near);
  }
  void send_request(net::MemoryStream& stream) {
    constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    stream.try_write(kGet.data(), kGet.size());
    settle();
  }
  static std::string receive(net::MemoryStream& stream, bool& at_end) {
    std::string text(4096, '\0');
    const net::IoResult got = stream.try_read(text.data(), text.size());
    text.resize(got.count());
    char rest = 0;
    const net::IoResult more = stream.try_read(&rest, 1);
    at_end = !more.is_wait();
    return text;
  }
  void expect_cut_during(Phase phase) {
    ASSERT_EQ(exchanges_.size(), 1u);
    EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
    ASSERT_TRUE(exchanges_.last().failed_with(Errc::cancelled));
    EXPECT_EQ(exchanges_.last().failure->phase(), phase);
  }
  void drain(io::Duration within) {
    worker_->drain(reactor_.now() + within, [this] { drained_ = true; });
    settle();
  }

  test::ExchangeLog exchanges_;
  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
  bool drained_ = false;
};

// After a response that ends the connection, a client may send for up to 30 s, but may be silent
// for 5 s only.
TEST_F(WorkerTest, LingersWhileTheClientSends) {
  common_->settings.options->max_body = 10;
  serve(testing::recorder(Status::ok, ""));
  for (const bool sends : {true, false}) {
    auto client = connect();
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
    client->try_write(head.data(), head.size());
    settle();
    EXPECT_EQ(common_->admission.connections(), 1u);
    for (int i = 0; sends && i < 7; ++i) {
      advance(4s);
      EXPECT_EQ(client->try_write("x", 1), 1) << i;
      settle();
      EXPECT_EQ(common_->admission.connections(), 1u) << i;
    }
    advance(sends ? 3s : 6s);
    EXPECT_EQ(common_->admission.connections(), 0u) << sends;
    bool at_end = false;
    EXPECT_EQ(status_of(receive(*client, at_end)), 413);
  }
}

// A reset could destroy the GOAWAY, which has the reason.
TEST_F(WorkerTest, LingersAfterAnHttp2Error) {
  auto client = connect();
  const std::string data = std::string(h2_frames::kPreface) +
                           h2_frames::frame(h2_frames::settings, 0, 0) +
                           h2_frames::frame(h2_frames::data, 0, 0, "of no stream");
  client->try_write(data.data(), data.size());
  settle();
  EXPECT_EQ(common_->admission.connections(), 1u);
  advance(4s);
  EXPECT_EQ(client->try_write("x", 1), 1);
  settle();
  EXPECT_EQ(common_->admission.connections(), 1u);
  advance(6s);
  EXPECT_EQ(common_->admission.connections(), 0u);
  bool at_end = false;
  std::string said = receive(*client, at_end);
  EXPECT_EQ(h2_frames::take_frames(said).back().type, h2_frames::goaway);
  EXPECT_TRUE(at_end);
}

// The periodic checks of a request in progress do not count as activity of the client.
TEST_F(WorkerTest, DoesNotLingerLongerForARequestInProgress) {
  serve(make_handler([](Request) -> task<Response> {
    co_await sleep_for(1h);
    co_return Response(Status::ok, "done");
  }));
  auto client = connect();
  const std::string data =
      std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0) +
      h2_frames::frame(
          h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream, 1,
          h2_frames::block(
              {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}}));
  client->try_write(data.data(), data.size());
  settle();
  ASSERT_EQ(worker_->requests().now(), 1u);
  const std::string mistake = h2_frames::frame(h2_frames::data, 0, 0, "of no stream");
  client->try_write(mistake.data(), mistake.size());
  settle();
  EXPECT_EQ(common_->admission.connections(), 1u);
  advance(6s);
  EXPECT_EQ(common_->admission.connections(), 0u);
  EXPECT_EQ(worker_->requests().now(), 0u);
}

// An HTTP/2 connection needs more memory than the HTTP/1 connection as which it begins.
TEST_F(WorkerTest, Http2IsRefusedWithAGoawayWhileMemoryIsShort) {
  auto client = connect();
  common_->admission.limit_memory(0);
  common_->admission.set_log([](LogLevel, std::string_view) {});
  const std::string data =
      std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0);
  client->try_write(data.data(), data.size());
  settle();
  bool at_end = false;
  std::string said = receive(*client, at_end);
  const auto frames = h2_frames::take_frames(said);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].type, h2_frames::settings);
  EXPECT_EQ(frames[1].type, h2_frames::goaway);
  EXPECT_EQ(frames[1].payload, h2_frames::number(0, 4) + h2_frames::number(0, 4));
  EXPECT_TRUE(at_end);
  EXPECT_EQ(exchanges_.size(), 0u);
}

// One line reports that memory is short, for all requests.
TEST_F(WorkerTest, DoesNotLogEachRequestRefusedWhileMemoryIsShort) {
  std::vector<std::string> lines;
  *common_->settings.options = {};
  common_->settings.options->log = [&lines](LogLevel, std::string_view line) {
    lines.emplace_back(line);
  };
  auto client = connect();
  const auto log = [&lines](LogLevel, std::string_view line) {
    lines.push_back("ceiling: " + std::string(line));
  };
  common_->admission.limit_memory(0);
  common_->admission.set_log(log);
  for (int i = 0; i < 3; ++i) {
    if (i > 0) {
      client = connect();
    }
    client->try_write("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27);
    settle();
    bool at_end = false;
    EXPECT_EQ(status_of(receive(*client, at_end)), 503);
  }
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("ceiling: "));
}

// The server stops reading at a limit and keeps the connection open, since a reset would destroy
// the response.
TEST_F(WorkerTest, HoldsTheConnectionOfAClientThatSendsTooMuch) {
  common_->settings.options->max_body = 10;
  serve(testing::recorder(Status::ok, ""));
  auto client = connect();
  std::string data = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n";
  std::size_t taken = 0;
  for (net::IoResult took = 1; took.has_bytes(); settle()) {
    took = client->try_write(data.data(), data.size());
    taken += took.count();
    data.assign(64 * 1024, 'x');
  }
  EXPECT_GE(taken, 64u * 1024 * 1024);
  EXPECT_LT(taken, 66u * 1024 * 1024);
  advance(29s);
  EXPECT_EQ(common_->admission.connections(), 1u);
  EXPECT_FALSE(client->has_failed());
  bool at_end = false;
  EXPECT_EQ(status_of(receive(*client, at_end)), 413);
  advance(2s);
  EXPECT_EQ(common_->admission.connections(), 0u);
}

TEST_F(WorkerTest, CountsItsConnections) {
  auto one = connect();
  auto two = connect();
  EXPECT_EQ(common_->admission.connections(), 2u);
  one.reset();
  settle();
  EXPECT_EQ(common_->admission.connections(), 1u);
}

TEST_F(WorkerTest, IsDrainedAtOnceWhenThereAreNoConnections) {
  drain(30s);
  EXPECT_TRUE(drained_);
  EXPECT_FALSE(worker_->was_cut());
}

TEST_F(WorkerTest, EndsIdleConnectionsWhenItDrains) {
  auto client = connect();
  advance(1100ms);  // a younger connection may still begin its first request
  drain(30s);
  EXPECT_TRUE(drained_);
  bool at_end = false;
  EXPECT_EQ(receive(*client, at_end), "");
  EXPECT_TRUE(at_end);
}

// The request is in the socket, and no pass of the event loop has read it.
TEST_F(WorkerTest, ServesARequestThatArrivesJustBeforeItDrains) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const io::FileDescriptor client(ends[0]);
  worker_->adopt(std::make_unique<net::TcpStream>(reactor_, io::FileDescriptor(ends[1]),
                                                  net::TcpStream::Role::accepted),
                 AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"), false);
  settle();
  constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_EQ(::write(client.get(), kGet.data(), kGet.size()), static_cast<ssize_t>(kGet.size()));
  drain(30s);
  EXPECT_FALSE(drained_);
  advance(11s);
  EXPECT_TRUE(drained_);
  std::string answer(4096, '\0');
  const ssize_t got = ::read(client.get(), answer.data(), answer.size());
  answer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(WorkerTest, EndsHandshakesWhenItDrains) {
  common_->settings.options->tls = TlsServerOptions();
  common_->settings.options->tls->self_signed = true;
  ASSERT_TRUE(common_->settings.make_tls(common_->log_of_tls()));
  serve(make_handler([](Request) { return Response(Status::ok); }));
  auto [client, far] = net::make_memory_pair(reactor_);
  worker_->adopt(std::move(far), AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"),
                 true);
  settle();
  EXPECT_EQ(common_->admission.connections(), 1u);
  advance(1100ms);  // a younger one may still begin
  drain(30s);
  EXPECT_TRUE(drained_);
}

// The client does not acknowledge the PING that would show that it has read the first GOAWAY.
TEST_F(WorkerTest, DoesNotWaitLongForASilentHttp2Client) {
  auto client = connect();
  const std::string hello =
      std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0);
  client->try_write(hello.data(), hello.size());
  settle();
  drain(30s);
  EXPECT_FALSE(drained_);
  advance(1100ms);
  bool at_end = false;
  std::string frames = receive(*client, at_end);
  EXPECT_TRUE(at_end);
  std::vector<std::string> goaways;
  for (const h2_frames::Frame& frame : h2_frames::take_frames(frames)) {
    if (frame.type == h2_frames::goaway) goaways.push_back(frame.payload.substr(0, 4));
  }
  EXPECT_THAT(goaways,
              ::testing::ElementsAre(h2_frames::number(0x7fffffff, 4), h2_frames::number(0, 4)));
  client.reset();
  settle();
  EXPECT_TRUE(drained_);
}

TEST_F(WorkerTest, DoesNotWaitLongForAnHttp2ClientWithoutSettings) {
  auto client = connect();
  client->try_write(h2_frames::kPreface.data(), h2_frames::kPreface.size());
  settle();
  drain(30s);
  advance(2200ms);
  EXPECT_TRUE(drained_);
  EXPECT_FALSE(worker_->was_cut());
}

// The client sends PINGs and reads no response. write_timeout ends the connection, and until then
// the worker is idle.
TEST_F(WorkerTest, IsNotKeptBusyByAnHttp2ClientThatDoesNotRead) {
  common_->settings.options->idle_timeout = 500ms;
  auto [client, far] = net::make_memory_pair(reactor_, 1000);
  worker_->adopt(std::move(far), AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"),
                 false);
  std::string data = std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0);
  for (int i = 0; i < 80; ++i) {
    data += h2_frames::frame(h2_frames::ping, 0, 0, "12345678");
    client->try_write(data.data(), data.size());
    data.clear();
    settle();
  }
  advance(2s);
  ASSERT_EQ(common_->admission.connections(), 1u);
  const auto passes = reactor_.pass();
  advance(2s);
  EXPECT_LT(reactor_.pass() - passes, 100u);
  advance(60s);
  EXPECT_EQ(common_->admission.connections(), 0u);
}

TEST_F(WorkerTest, ServesOthersBetweenTheManyRequestsOfOneClient) {
  int many = 0;
  int before = -1;
  serve(make_handler([&](Request request) {
    if (request.url().path() == "/other") {
      before = many;
    } else {
      ++many;
    }
    return Response(Status::no_content);
  }));
  auto busy = connect();
  auto other = connect();
  std::string requests;
  for (int i = 0; i < 500; ++i)
    requests += "GET /many HTTP/1.1\r\nHost: h\r\n\r\n";
  busy->try_write(requests.data(), requests.size());
  constexpr std::string_view kOther = "GET /other HTTP/1.1\r\nHost: h\r\n\r\n";
  other->try_write(kOther.data(), kOther.size());
  settle();
  EXPECT_EQ(many, 500);
  EXPECT_LT(before, 100);
}

TEST_F(WorkerTest, FinishesAnExchangeWithConnectionCloseWhenItDrains) {
  auto client = connect();
  send_request(*client);
  drain(30s);
  EXPECT_FALSE(drained_);
  advance(11s);
  EXPECT_TRUE(drained_);
  EXPECT_FALSE(worker_->was_cut());
  bool at_end = false;
  const std::string answer = receive(*client, at_end);
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(at_end);
}

// The response before the 101 has filled the connection, and the client does not read.
TEST_F(WorkerTest, GivesUpATunnelWhoseHeadCannotBeSent) {
  constexpr std::size_t kHolds = std::size_t{64} * 1024;  // the capacity of a connection in memory
  std::size_t size = 10'000;
  serve(make_handler([&size](const Request& request) {
    if (!request.headers().has("Upgrade")) return Response(Status::ok, std::string(size, 'x'));
    Response response(Status::switching_protocols, Headers({{"Upgrade", "x"}}));
    response.set_tunnel(std::make_unique<SilentTunnel>());
    return response;
  }));
  auto client = connect();
  send_request(*client);
  bool at_end = false;
  std::string first(kHolds, '\0');
  const net::IoResult got = client->try_read(first.data(), first.size());
  size += kHolds - got.count() - 4;
  send_request(*client);
  constexpr std::string_view kUpgrade =
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
  client->try_write(kUpgrade.data(), kUpgrade.size());
  settle();
  EXPECT_EQ(exchanges_.size(), 2u);
  advance(61s);
  ASSERT_EQ(exchanges_.size(), 3u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::timed_out));
  receive(*client, at_end);
}

TEST_F(WorkerTest, CutsUnfinishedExchangesAtTheDeadline) {
  auto client = connect();
  send_request(*client);
  drain(5s);
  advance(4900ms);
  EXPECT_FALSE(drained_);
  advance(200ms);
  EXPECT_TRUE(drained_);
  EXPECT_TRUE(worker_->was_cut());
  bool at_end = false;
  EXPECT_EQ(receive(*client, at_end), "");
  EXPECT_TRUE(at_end);
  expect_cut_during(Phase::wait);
}

// A stream without an end, such as server-sent events.
struct Ticking final : BodySource {
  task<Result<bytes>> read() override {
    co_await sleep_for(1s);
    co_return bytes("tick");
  }
};
Response ticking(Request) {
  return Response(Status::ok, Headers(), Body::from(std::make_unique<Ticking>()));
}

TEST_F(WorkerTest, RecordsThatAResponseWasCut) {
  serve(make_handler(ticking));
  auto client = connect();
  send_request(*client);
  drain(2500ms);
  advance(3s);
  bool at_end = false;
  EXPECT_THAT(receive(*client, at_end), EndsWith("4\r\ntick\r\n4\r\ntick\r\n"));
  EXPECT_TRUE(at_end);
  expect_cut_during(Phase::deliver);
  EXPECT_EQ(exchanges_.last().status, 200);
  EXPECT_EQ(exchanges_.last().response_body, 8u);
}

// Only a reset shows the client that bytes are missing.
TEST_F(WorkerTest, ResetsACloseDelimitedResponseThatItCuts) {
  serve(make_handler(ticking));
  auto client = connect();
  client->try_write("GET / HTTP/1.0\r\n\r\n", 18);
  settle();
  drain(1500ms);
  advance(2s);
  bool at_end = false;
  EXPECT_THAT(receive(*client, at_end), EndsWith("\r\n\r\ntick"));
  char byte = 0;
  EXPECT_EQ(client->try_read(&byte, 1), net::IoResult::failed(ECONNRESET));
  expect_cut_during(Phase::deliver);
}

TEST_F(WorkerTest, RecordsThatATunnelWasCutAndItsByteCount) {
  struct Endless final : Tunnel {
    task<Result<bytes>> read() override {
      co_await sleep_for(1s);
      co_return bytes("tick");
    }
    task<Result<void>> write(bytes) override { co_return Result<void>(); }
    void close_write() override {}
  };
  serve(make_handler([](Request) {
    Response response(Status::switching_protocols, Headers({{"Upgrade", "x"}}));
    response.set_tunnel(std::make_unique<Endless>());
    return response;
  }));
  auto client = connect();
  send_request(*client);
  client->try_write("hello", 5);
  drain(2500ms);
  advance(3s);
  expect_cut_during(Phase::tunnel);
  EXPECT_EQ(exchanges_.last().request_body, 5u);
  EXPECT_EQ(exchanges_.last().response_body, 8u);
}

// The client has its response, so the unfinished request does not count as a failure.
TEST_F(WorkerTest, RecordsACompleteResponseThoughTheConnectionWasCut) {
  serve(make_handler([](Request) { return Response(Status::ok, "early"); }));
  auto client = connect();
  constexpr std::string_view kPost = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab";
  client->try_write(kPost.data(), kPost.size());
  settle();
  drain(100ms);
  advance(200ms);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
  EXPECT_FALSE(exchanges_.last().failure);
}

TEST_F(WorkerTest, AcceptsAnEarlierDeadlineButNoLaterOne) {
  auto client = connect();
  send_request(*client);
  drain(5s);
  drain(1h);
  drain(1s);
  advance(1100ms);
  EXPECT_TRUE(drained_);
  EXPECT_TRUE(worker_->was_cut());
}

TEST_F(WorkerTest, ServesAPartialHeadThatCompletesWhileItDrains) {
  auto client = connect();
  constexpr std::string_view kBegin = "GET / HTTP/1.1\r\nHo";
  client->try_write(kBegin.data(), kBegin.size());
  settle();
  drain(30s);
  EXPECT_FALSE(drained_);
  constexpr std::string_view kRest = "st: h\r\n\r\n";
  client->try_write(kRest.data(), kRest.size());
  advance(11s);
  EXPECT_TRUE(drained_);
  bool at_end = false;
  EXPECT_EQ(status_of(receive(*client, at_end)), 200);
}

}  // namespace
}  // namespace onehop::server
