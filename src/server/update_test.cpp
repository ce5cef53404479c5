// SPDX-License-Identifier: Apache-2.0
//
// Server::update() with real sockets, and when each change takes effect.
#include <onehop/offload.hpp>
#include <onehop/scope.hpp>
#include <onehop/server.hpp>

#include "support/h2_frames.hpp"
#include "support/socket_client.hpp"
#include "support/updated_server.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ServerUpdate : public UpdatedServer {};

TEST_F(ServerUpdate, TheNextRequestHasTheNewHandlerAndOptions) {
  start(options(), named("one"));
  SocketClient client(address());
  EXPECT_THAT(client.get(), EndsWith("\r\n\r\none"));
  auto next = options();
  next.max_body = 3;
  update(next, named("two"));
  EXPECT_THAT(client.get(), EndsWith("\r\n\r\ntwo"));
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(ServerUpdate, ARequestInProgressKeepsItsHandlerAndOptions) {
  std::mutex mutex;
  std::multiset<std::string> ended;
  const auto options_named = [&](const std::string& name) {
    auto made = options();
    made.on_exchange_end = [&, name](const ExchangeRecord&) {
      const std::lock_guard lock(mutex);
      ended.insert(name);
    };
    return made;
  };
  std::weak_ptr<const Handler> first;
  {
    const auto handler = named("one");
    first = handler;
    start(options_named("one"), handler);
  }
  SocketClient late(address());
  late.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(is_soon([&] { return server().requests() == 1; }));
  update(options_named("two"), named("two"));
  EXPECT_FALSE(first.expired());
  EXPECT_THAT(late.read_response(), EndsWith("\r\n\r\none"));
  EXPECT_THAT(late.get(), EndsWith("\r\n\r\ntwo"));
  EXPECT_TRUE(is_soon([&] { return first.expired(); }));
  EXPECT_TRUE(is_soon([&] {
    const std::lock_guard lock(mutex);
    return ended == std::multiset<std::string>{"one", "two"};
  }));
}

TEST_F(ServerUpdate, ATimeoutAppliesFromTheNextWait) {
  start(options(), named("one"));
  SocketClient client(address());
  client.get();
  auto next = options();
  next.idle_timeout = 50ms;
  update(next, named("one"));
  EXPECT_FALSE(client.is_ended_within(200ms)) << "the wait began before";
  client.get();
  EXPECT_TRUE(client.is_ended_within(5s));
}

TEST_F(ServerUpdate, TheConnectionLimitAppliesAtOnce) {
  start(options(), named("one"));
  SocketClient first(address());
  SocketClient second(address());
  first.get();
  second.get();
  auto next = options();
  next.max_client_connections = 1;
  update(next, named("one"));
  EXPECT_THAT(first.get(), EndsWith("one"));
  EXPECT_THAT(second.get(), EndsWith("one"));
  SocketClient third(address());
  third.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(third.is_ended_within(100ms));
  EXPECT_EQ(server().connections(), 2u);
  next.max_client_connections = 3;
  update(next, named("one"));
  EXPECT_THAT(third.read_response(), EndsWith("one"));
}

TEST_F(ServerUpdate, PerClientLimitsApplyToNewConnectionsAndRequests) {
  start(options(), named("one"));
  SocketClient before(address());
  before.get();
  auto next = options();
  next.max_connections_per_client = 1;
  update(next, named("one"));
  SocketClient counted(address());
  EXPECT_THAT(counted.get(), EndsWith("one"));
  SocketClient refused(address());
  EXPECT_THAT(refused.get(), "");
  EXPECT_THAT(before.get(), EndsWith("one"));

  next.max_connections_per_client = no_limit;
  next.max_requests_per_client = 1;
  update(next, named("one"));
  SocketClient late(address());
  late.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(is_soon([&] { return server().requests() == 1; }));
  EXPECT_THAT(before.get(), StartsWith("HTTP/1.1 429 ")) << "it came when nothing was limited";
  EXPECT_THAT(late.read_response(), EndsWith("one"));
  next.max_requests_per_client = no_limit;
  update(next, named("one"));
  late.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(is_soon([&] { return server().requests() == 1; }));
  EXPECT_THAT(before.get(), EndsWith("one"));
}

TEST_F(ServerUpdate, TheMemoryLimitAppliesAtOnce) {
  start(options(), named("one"));
  SocketClient client(address());
  client.get();
  auto next = options();
  next.max_memory = 1;
  update(next, named("one"));
  EXPECT_THAT(client.get(), StartsWith("HTTP/1.1 503 "));
  next.max_memory = no_limit;
  update(next, named("one"));
  SocketClient other(address());
  EXPECT_THAT(other.get(), EndsWith("one"));
}

TEST_F(ServerUpdate, TrustAppliesToOpenConnections) {
  start(options(), make_handler([](Request request) {
          return Response(Status::ok, std::string(request.connection().client));
        }));
  SocketClient client(address());
  constexpr std::string_view kAsk =
      "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n";
  client.send(kAsk);
  EXPECT_THAT(client.read_response(), EndsWith("\r\n\r\n127.0.0.1"));
  auto next = options();
  next.trust = {"127.0.0.0/8"};
  update(next, make_handler([](Request request) {
           return Response(Status::ok, std::string(request.connection().client));
         }));
  client.send(kAsk);
  EXPECT_THAT(client.read_response(), EndsWith("\r\n\r\n192.0.2.7"));
}

// Before the update, the peer's connections counted as those of one client.
TEST_F(ServerUpdate, ClientsOfANewlyTrustedPeerAreLimitedSeparately) {
  auto first = options();
  first.max_requests_per_client = 1;
  start(first, named("one"));
  SocketClient one(address());
  SocketClient two(address());
  one.get();
  two.get();
  auto next = first;
  next.trust = {"127.0.0.0/8"};
  update(next, named("one"));
  const auto ask = [](SocketClient& proxy, const std::string& path, const std::string& client) {
    proxy.send("GET " + path + " HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: " + client + "\r\n\r\n");
  };
  ask(one, "/late", "192.0.2.1");
  ASSERT_TRUE(is_soon([&] { return server().requests() == 1; }));
  ask(two, "/", "192.0.2.1");
  EXPECT_THAT(two.read_response(), StartsWith("HTTP/1.1 429 "));
  ask(two, "/", "192.0.2.2");
  EXPECT_THAT(two.read_response(), EndsWith("one")) << "another client's";
  EXPECT_THAT(one.read_response(), EndsWith("one"));
}

TEST_F(ServerUpdate, TlsCanBeEnabledForAnExistingAddress) {
  start(options(), named("one"));
  SocketClient plain(address());
  plain.get();
  auto next = options();
  next.tls.emplace().self_signed = true;
  update(next, named("two"));
  EXPECT_THAT(plain.get(), EndsWith("two")) << "it began without";
  SocketClient late(address());
  EXPECT_THAT(late.get(), HasSubstr("This port speaks HTTPS"));
  ASSERT_EQ(server().certificates().size(), 1u);
  const std::string fingerprint = server().certificates()[0].sha256;
  update(next, named("three"));
  EXPECT_EQ(server().certificates()[0].sha256, fingerprint);
  update(options(), named("four"));
  SocketClient last(address());
  EXPECT_THAT(last.get(), EndsWith("four"));
  EXPECT_TRUE(server().certificates().empty());
}

TEST_F(ServerUpdate, AFactoryIsCalledOnEachWorker) {
  start(options(), named("one"));
  std::mutex mutex;
  std::set<std::thread::id> threads;
  ASSERT_TRUE(server().update_per_worker(options(), [&] {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    return named("two");
  }));
  EXPECT_EQ(threads.size(), 2u);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
  EXPECT_THAT(SocketClient(address()).get(), EndsWith("two"));
}

// As at the start, so that a factory may have its own state.
TEST_F(ServerUpdate, EachWorkerCallsACopyOfTheFactory) {
  start(options(), named("one"));
  std::mutex mutex;
  std::vector<int> calls;
  ASSERT_TRUE(server().update_per_worker(options(), [&, n = 0]() mutable {
    const std::lock_guard lock(mutex);
    calls.push_back(++n);
    return named("two");
  }));
  EXPECT_EQ(calls, (std::vector{1, 1}));
}

// --- listeners ---------------------------------------------------------------------------------

TEST_F(ServerUpdate, AddsAndRemovesAddressesAndKeepsEqualOnes) {
  auto first = options();
  first.listen = {"127.0.0.1:0", "127.0.0.1:0"};
  start(first, named("one"));
  const auto before = server().addresses();
  SocketClient stays(before[0]);
  SocketClient goes(before[1]);
  stays.get();
  goes.get();
  auto next = options();
  const std::string file = unix_path("a.sock");
  next.listen = {"unix:" + file, "http://127.0.0.1:0"};
  update(next, named("two"));
  const auto after = server().addresses();
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[0], "unix:" + file);
  EXPECT_EQ(after[1], before[0]);
  EXPECT_TRUE(goes.is_ended_within(5s)) << "it is idle, and its listener is gone";
  EXPECT_FALSE(SocketClient(before[1]).is_connected());
  EXPECT_THAT(stays.get(), EndsWith("two"));
  EXPECT_THAT(SocketClient(after[0]).get(), EndsWith("two"));

  // The same file by another path.
  next.listen = {"unix:" + unix_path("./a.sock"), before[0]};
  SocketClient unix_client(after[0]);
  unix_client.get();
  update(next, named("three"));
  EXPECT_THAT(unix_client.get(), EndsWith("three"));
  EXPECT_THAT(stays.get(), EndsWith("three"));

  next.listen = before[0];
  update(next, named("four"));
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_THAT(stays.get(), EndsWith("four"));
}

TEST_F(ServerUpdate, ClientsOfARemovedListenerAreServed) {
  auto first = options();
  first.listen = {"127.0.0.1:0", "127.0.0.1:0"};
  first.defer_accept = false;
  start(first, named("one"));
  const std::string gone = server().addresses()[1];
  SocketClient busy(gone);
  busy.send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
  SocketClient fresh(gone);
  ASSERT_TRUE(is_soon([&] { return server().requests() == 1 && server().connections() == 2; }));
  update(options(), named("two"));
  const std::string said = busy.read_response();
  EXPECT_THAT(said, EndsWith("\r\n\r\none"));
  EXPECT_THAT(said, HasSubstr("Connection: close\r\n"));
  const std::string told = fresh.get();
  EXPECT_THAT(told, EndsWith("\r\n\r\ntwo")) << "its first request had not come yet";
  EXPECT_THAT(told, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(fresh.is_ended_within(5s));
}

TEST_F(ServerUpdate, TheBacklogOfARemovedListenerIsServed) {
  auto first = options();
  first.listen = {"127.0.0.1:0", "127.0.0.1:0"};
  first.max_client_connections = 1;
  start(first, named("one"));
  const auto addresses = server().addresses();
  SocketClient first_client(addresses[0]);
  first_client.get();
  SocketClient queued(addresses[1]);
  queued.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_FALSE(queued.is_ended_within(100ms));
  update(options(), named("two"));
  EXPECT_THAT(queued.read_response(), EndsWith("two"));
}

// Serves queued connections even if they wait because of a limit. Then the address is free.
TEST_F(ServerUpdate, TheBacklogOfARemovedListenerIsServedWithinLimits) {
  auto first = options();
  first.listen = {"127.0.0.1:0", "127.0.0.1:0"};
  first.max_client_connections = 1;
  start(first, named("one"));
  const auto addresses = server().addresses();
  SocketClient only(addresses[0]);
  only.get();
  std::vector<SocketClient> queued;
  for (int i = 0; i < 3; ++i) {
    queued.emplace_back(addresses[1]);
    queued.back().send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  }
  std::this_thread::sleep_for(50ms);
  auto next = options();
  next.max_client_connections = 1;
  update(next, named("two"));
  EXPECT_FALSE(queued[0].is_ended_within(50ms)) << "there is no room";
  only = SocketClient("");
  for (SocketClient& each : queued) {
    EXPECT_THAT(each.read_response(), EndsWith("two"));
    each = SocketClient("");
  }
  EXPECT_TRUE(is_soon([&] { return !SocketClient(addresses[1]).is_connected(); }));
}

TEST_F(ServerUpdate, DeferAcceptAppliesToOpenSockets) {
  auto first = options();
  first.defer_accept = false;
  start(first, named("one"));
  const SocketClient silent(address());
  EXPECT_TRUE(is_soon([&] { return server().connections() == 1; }));
  update(options(), named("one"));
  const SocketClient other(address());
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(server().connections(), 1u) << "it has sent nothing";
}

// The handler of the upload continues to read, while new requests on the connection get the next
// handler.
TEST_F(ServerUpdate, AnHttp2UploadContinues) {
  using namespace h2_frames;
  const auto counting = [](std::string name) {
    return make_handler([name](Request request) -> task<Response> {
      auto content = co_await request.body().read_all(100);
      co_return Response(Status::ok, name + " " + std::to_string(content.value_or("").size()));
    });
  };
  start(options(), counting("one"));
  SocketClient client(address());
  const auto begin = [&](std::uint32_t stream) {
    client.send(frame(
        headers, kEndHeaders, stream,
        block({{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}})));
    client.send(frame(data, 0, stream, "0123456789"));
  };
  std::string received;
  const auto content_of = [&](std::uint32_t stream) {
    for (std::string content;;) {
      const std::string more = client.read_some();
      if (more.empty()) return "nothing more after " + content;
      received += more;
      for (const Frame& each : take_frames(received)) {
        if (each.type != data || each.stream != stream) continue;
        content += each.payload;
        if ((each.flags & kEndStream) != 0) return content;
      }
    }
  };
  client.send(std::string(kPreface) + frame(settings, 0, 0));
  begin(1);
  ASSERT_TRUE(is_soon([&] { return server().requests() == 1; }));
  update(options(), counting("two"));
  client.send(frame(data, 0, 1, "0123456789"));
  begin(3);
  client.send(frame(data, kEndStream, 3));
  EXPECT_EQ(content_of(3), "two 10");
  client.send(frame(data, kEndStream, 1, "0123456789"));
  EXPECT_EQ(content_of(1), "one 30");
}

// The function may use its handler even if its request has ended.
TEST_F(ServerUpdate, AnOffloadedFunctionKeepsItsHandler) {
  for (const bool client_leaves : {false, true}) {
    std::atomic<bool> runs = false;
    std::atomic<bool> released = false;
    struct Slow final : Handler {
      Slow(std::atomic<bool>& r, std::atomic<bool>& d) : runs(r), released(d) {}
      task<Response> serve(Request) const override {
        auto waiting = offload([this] {
          runs = true;
          while (!released)
            std::this_thread::sleep_for(1ms);
          return name;
        });
        std::string text = co_await std::move(waiting);
        co_return Response(Status::ok, std::move(text));
      }
      std::atomic<bool>& runs;
      std::atomic<bool>& released;
      const std::string name = "a name that is too long to be in the string itself";
    };
    auto slow = std::make_shared<const Slow>(runs, released);
    const std::weak_ptr<const Handler> first = slow;
    start(options(), std::move(slow));
    SocketClient client(address());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(is_soon([&] { return runs.load(); }));
    if (client_leaves) {
      client = SocketClient("");
      ASSERT_TRUE(is_soon([&] { return server().requests() == 0; }));
    }
    update(options(), named("two"));
    EXPECT_THAT(SocketClient(address()).get(), EndsWith("two"));
    EXPECT_FALSE(first.expired());
    released = true;
    if (!client_leaves) {
      EXPECT_THAT(client.read_response(), EndsWith("in the string itself"));
    }
    EXPECT_TRUE(is_soon([&] { return first.expired(); }));
    server().stop(0s);
  }
}

}  // namespace
}  // namespace onehop::test
