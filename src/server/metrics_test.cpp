// SPDX-License-Identifier: Apache-2.0
//
// The metrics and pings of a server, with real sockets.
#include <onehop/scope.hpp>
#include <onehop/server.hpp>

#include "io/reactor.hpp"
#include "support/socket_client.hpp"
#include "support/updated_server.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::test {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::StartsWith;

class ServerMetricsTest : public UpdatedServer {
 protected:
  // Returns a handler that does not return from a request to /blocking before release().
  std::shared_ptr<const Handler> blocking() {
    return make_handler([this](Request request) -> task<Response> {
      if (request.url().path() == "/blocking") {
        blocked_ = true;
        while (!released_)
          std::this_thread::sleep_for(1ms);
      } else {
        co_await sleep_for(5s);
      }
      co_return Response(Status::ok, "done");
    });
  }

  std::atomic<bool> blocked_ = false;
  std::atomic<bool> released_ = false;
};

TEST_F(ServerMetricsTest, CountConnectionsAndRequests) {
  auto made = options();
  made.listen = {"127.0.0.1:0", "127.0.0.1:0"};
  start(made, named("one"));
  SocketClient client(server().addresses()[1]);
  client.get();
  client.get();
  client.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(is_soon([&] {
    const ServerMetrics so_far = server().metrics();
    return so_far.requests_total == 3 && so_far.requests == 1;
  }));
  ServerMetrics now = server().metrics();
  ASSERT_EQ(now.listeners.size(), 2u);
  EXPECT_EQ(now.listeners[0].connections_total, 0u);
  EXPECT_EQ(now.listeners[1].address, server().addresses()[1]);
  EXPECT_EQ(now.listeners[1].connections, 1u);
  EXPECT_EQ(now.listeners[1].connections_total, 1u);
  EXPECT_EQ(now.connections, 1u);
  EXPECT_EQ(now.requests_total, 3u);
  ASSERT_EQ(now.workers.size(), 2u);
  EXPECT_EQ(now.workers[0].requests + now.workers[1].requests, 1u);
  EXPECT_GT(now.workers[0].passes.count() + now.workers[1].passes.count(), 0u);
  EXPECT_GT(now.memory_limit, now.memory_held);
  client.read_response();
  server().stop(5s);
  now = server().metrics();
  EXPECT_EQ(now.requests_total, 3u) << "they stay";
  EXPECT_EQ(now.requests, 0u);
  EXPECT_EQ(now.listeners[1].connections, 0u);
  ASSERT_EQ(now.workers.size(), 2u) << "each keeps its place";
  EXPECT_EQ(now.workers[0].passes.count() + now.workers[1].passes.count(), 0u);
}

TEST_F(ServerMetricsTest, CountRefusalsByReason) {
  auto made = options();
  made.max_connections_per_client = 1;
  start(made, named("one"));
  SocketClient first(address());
  first.get();
  SocketClient second(address());
  EXPECT_EQ(second.get(), "");
  EXPECT_EQ(server().metrics().refused_total(Refusal::client_limit), 1u);
  made.max_connections_per_client = no_limit;
  made.max_client_connections = 1;
  update(made, named("one"));
  const SocketClient waits(address());
  waits.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(
      is_soon([&] { return server().metrics().refused_total(Refusal::connection_limit) > 0; }));
  const auto last = server().metrics().last_refusals;
  EXPECT_GT(last[static_cast<std::size_t>(Refusal::client_limit)],
            std::chrono::steady_clock::now() - 10s);
  EXPECT_GT(last[static_cast<std::size_t>(Refusal::connection_limit)],
            last[static_cast<std::size_t>(Refusal::client_limit)]);
  EXPECT_EQ(last[static_cast<std::size_t>(Refusal::memory)],
            std::chrono::steady_clock::time_point());
  made.max_memory = 1;
  update(made, named("one"));
  EXPECT_THAT(first.get(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(server().metrics().overload_refusals_total, 1u);
  EXPECT_EQ(server().metrics().memory_limit, 1u);
  made.max_memory = no_limit;
  update(made, named("one"));
  EXPECT_EQ(server().metrics().memory_limit, 0u) << "there is none";
}

TEST_F(ServerMetricsTest, CountHandshakesThatFail) {
  auto made = options();
  made.tls.emplace().self_signed = true;
  made.tls->handshake_timeout = 50ms;
  made.defer_accept = false;
  start(made, named("one"));
  SocketClient(address()).get();
  SocketClient silent(address());
  EXPECT_TRUE(is_soon([&] { return server().metrics().tls.timed_out_total == 1; }));
  EXPECT_EQ(server().metrics().tls.plain_http_total, 1u);
  EXPECT_EQ(server().metrics().tls.duration.count(), 0u);
}

// --- requests in progress ----------------------------------------------------------------------

TEST_F(ServerMetricsTest, ListRequestsInFlightOldestFirst) {
  start(options(), blocking());
  SocketClient first(address());
  first.send("POST /a?secret HTTP/1.1\r\nHost: h.example\r\nContent-Length: 3\r\n\r\nabc");
  ASSERT_TRUE(is_soon([&] { return server().requests() == 1; }));
  SocketClient second(address());
  second.send("GET http://h2.example/b?c HTTP/1.1\r\nHost: h2.example\r\n\r\n");
  ASSERT_TRUE(is_soon([&] { return server().requests() == 2; }));
  std::this_thread::sleep_for(20ms);
  const RequestsInFlight all = server().requests_in_flight(10);
  EXPECT_EQ(all.silent_workers, 0u);
  ASSERT_EQ(all.requests.size(), 2u);
  const RequestInFlight& oldest = all.requests[0];
  EXPECT_EQ(oldest.method, Method::post);
  EXPECT_EQ(oldest.client, "127.0.0.1");
  EXPECT_EQ(oldest.host, "h.example");
  EXPECT_EQ(oldest.path, "/a");
  EXPECT_EQ(oldest.query, "?secret");
  EXPECT_EQ(oldest.phase, RequestPhase::handling);
  EXPECT_GE(oldest.age, 20ms);
  EXPECT_GE(oldest.age, oldest.phase_age);
  EXPECT_EQ(oldest.upstream, "");
  EXPECT_EQ(all.requests[1].path, "/b");
  EXPECT_TRUE(all.tunnels.empty());
  EXPECT_NE(all.requests[0].id, all.requests[1].id);
  const RequestsInFlight some = server().requests_in_flight(1);
  ASSERT_EQ(some.requests.size(), 1u);
  EXPECT_EQ(some.requests[0].id, oldest.id);
}

TEST_F(ServerMetricsTest, ReportABlockedWorker) {
  start(options(), blocking());
  SocketClient client(address());
  client.send("GET /blocking HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(is_soon([&] { return blocked_.load(); }));
  std::this_thread::sleep_for(50ms);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(server().ping(1ms).workers, 2u);
  EXPECT_EQ(server().ping(100ms).answered, 1u);
  EXPECT_EQ(server().requests_in_flight(10, 100ms).silent_workers, 1u);
  const auto busy = server().metrics().workers;
  EXPECT_GE(std::max(busy[0].busy_for, busy[1].busy_for), 50ms);
  released_ = true;
  client.read_response();
  EXPECT_TRUE(is_soon([&] { return server().ping(1s).answered == 2; }));
  const auto after = server().metrics().workers;
  EXPECT_GE(std::max(after[0].longest_pass, after[1].longest_pass), 50ms);
  server().stop(0s);
  EXPECT_EQ(server().ping(10ms).answered, 0u);
}

// ping() does not wait until its timeout for a worker that failed before it could respond.
TEST_F(ServerMetricsTest, ReportAFailedWorker) {
  start(options(), make_handler([&](Request) {
          io::Reactor::current().post([] { throw std::bad_alloc(); });
          blocked_ = true;
          while (!released_)
            std::this_thread::sleep_for(1ms);
          return Response(Status::ok);
        }));
  SocketClient client(address());
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(is_soon([&] { return blocked_.load(); }));
  const auto began = std::chrono::steady_clock::now();
  std::thread releasing([&] {
    std::this_thread::sleep_for(50ms);
    released_ = true;
  });
  const Server::Pinged pinged = server().ping(1min);
  releasing.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
  EXPECT_EQ(pinged.answered, 1u);
  ASSERT_TRUE(is_soon([&] { return server().ping(1s).failed == 1; }));
  EXPECT_EQ(server().ping(1s).workers, 2u);
  EXPECT_EQ(server().ping(1s).answered, 1u);
}

// Requests are served and connections end while the workers respond to questions.
TEST_F(ServerMetricsTest, CanBeReadWhileRequestsAreServed) {
  start(options(), named("one"));
  std::atomic<bool> done = false;
  std::thread asking([&] {
    while (!done) {
      EXPECT_EQ(server().requests_in_flight(5).silent_workers, 0u);
      EXPECT_EQ(server().ping(5s).answered, 2u);
      EXPECT_EQ(server().metrics().workers.size(), 2u);
    }
  });
  for (int i = 0; i < 200; ++i)
    EXPECT_THAT(SocketClient(address()).get(), EndsWith("one"));
  done = true;
  asking.join();
  EXPECT_EQ(server().metrics().requests_total, 200u);
}

}  // namespace
}  // namespace onehop::test
