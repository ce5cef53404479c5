// SPDX-License-Identifier: Apache-2.0
#include <onehop/server.hpp>

#include <onehop/offload.hpp>
#include <onehop/scope.hpp>

#include "io/file_descriptor.hpp"
#include "io/reactor.hpp"
#include "net/address.hpp"
#include "support/failing_allocation.hpp"
#include "support/socket_client.hpp"

#include <atomic>
#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>

namespace onehop {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// Sends a request, and reads until the connection is closed.
void ask_until_closed(const std::string& address) {
  const auto to = net::Address::parse_listen(address);
  ASSERT_TRUE(to);
  const io::FileDescriptor socket(::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(socket.get(), to->data(), to->size()), 0);
  constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  ::send(socket.get(), kGet.data(), kGet.size(), MSG_NOSIGNAL);
  std::string answer(1000, '\0');
  while (::recv(socket.get(), answer.data(), answer.size(), 0) > 0) {
  }
}

class FailingWorker : public ::testing::Test {
 protected:
  explicit FailingWorker(std::size_t workers = 1) : server_(options(workers)) {}

  Server::Options options(std::size_t workers) {
    Server::Options options;
    options.listen = "127.0.0.1:0";
    options.workers = workers;
    options.log = [this](LogLevel, std::string_view line) {
      const std::lock_guard lock(mutex_);
      said_.emplace_back(line);
    };
    return options;
  }
  // Returns a handler that makes an exception leave its event loop when it serves a request.
  static auto failing() {
    return make_handler([](Request) {
      io::Reactor::current().post([] { throw std::bad_alloc(); });
      return Response(Status::no_content);
    });
  }
  void start() {
    const auto started = server_.start(failing());
    ASSERT_TRUE(started) << started.error().to_string();
  }
  std::vector<std::string> said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }

  std::mutex mutex_;
  std::vector<std::string> said_;
  Server server_;
};

class OneOfTwoWorkers : public FailingWorker {
 protected:
  OneOfTwoWorkers() : FailingWorker(2) {}
};

TEST_F(FailingWorker, IsLoggedAndMakesStopFail) {
  start();
  ask_until_closed(server_.addresses().front());
  EXPECT_FALSE(server_.stop(std::chrono::seconds(5)));
  EXPECT_THAT(said(), Contains("a worker has failed, 0 of 1 continue: std::bad_alloc"));
}

// The server was not stopped, but has no worker left: wait() must return.
TEST_F(FailingWorker, EndsTheServerWhenItIsTheLast) {
  start();
  ask_until_closed(server_.addresses().front());
  EXPECT_FALSE(server_.wait());
}

class MuteTunnel final : public Tunnel {
 public:
  task<Result<bytes>> read() override {
    co_await sleep_for(std::chrono::hours(1));
    co_return bytes();
  }
  task<Result<void>> write(bytes) override { co_return Result<void>(); }
  void close_write() override {}
};

TEST_F(FailingWorker, LeavesNoWebSocketsOpen) {
  ASSERT_TRUE(server_.start(make_handler([](const Request& request) {
    if (!request.headers().has("Upgrade")) {
      io::Reactor::current().post([] { throw std::bad_alloc(); });
      return Response(Status::no_content);
    }
    Response response(Status::switching_protocols, Headers({{"Upgrade", "websocket"}}));
    response.set_tunnel(std::make_unique<MuteTunnel>());
    return response;
  })));
  test::SocketClient client(server_.addresses().front());
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_THAT(client.read_response(), HasSubstr(" 101 "));
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (server_.metrics().websockets.open == 0 && std::chrono::steady_clock::now() < give_up)
    std::this_thread::yield();
  EXPECT_EQ(server_.metrics().websockets.open, 1u);
  ask_until_closed(server_.addresses().front());
  EXPECT_FALSE(server_.wait());
  EXPECT_EQ(server_.metrics().websockets.open, 0u);
  EXPECT_EQ(server_.metrics().tunnels.open, 0u);
}

TEST_F(FailingWorker, MakesRunFail) {
  int code = -1;
  std::thread running([&] { code = server_.run(failing()); });
  while (server_.addresses().empty())
    std::this_thread::yield();
  ask_until_closed(server_.addresses().front());
  running.join();
  EXPECT_EQ(code, 1);
}

TEST_F(FailingWorker, RunSucceedsIfNoWorkerFails) {
  int code = -1;
  std::thread running([&] { code = server_.run(failing()); });
  while (server_.addresses().empty())
    std::this_thread::yield();
  EXPECT_TRUE(server_.stop());
  running.join();
  EXPECT_EQ(code, 0);
  EXPECT_TRUE(server_.wait());
}

TEST_F(OneOfTwoWorkers, KeepsServingAndTheFailureIsRemembered) {
  start();
  ask_until_closed(server_.addresses().front());
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (said().empty() && std::chrono::steady_clock::now() < give_up)
    std::this_thread::yield();
  EXPECT_THAT(said(), Contains("a worker has failed, 1 of 2 continue: std::bad_alloc"));
  // The remaining worker serves the second request.
  ask_until_closed(server_.addresses().front());
  EXPECT_FALSE(server_.wait());
  EXPECT_THAT(said(), Contains("a worker has failed, 0 of 2 continue: std::bad_alloc"));
}

TEST(ServerTest, RejectsTooManyWorkersBeforeStartingAThread) {
  Server::Options options;
  options.listen = "127.0.0.1:0";
  options.workers = Server::kMaxWorkers + 1;
  Server server(options);
  const auto started = server.start(make_handler([](Request) { return Response(Status::ok); }));
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().is(Errc::bad_option));
  EXPECT_THAT(std::string(started.error().detail()), HasSubstr("workers: 1025 threads"));
  EXPECT_TRUE(server.addresses().empty());
}

Server::Options on_a_free_port() {
  Server::Options options;
  options.listen = "127.0.0.1:0";
  options.workers = 2;
  options.log = [](LogLevel, std::string_view) {};
  return options;
}

// Moving the options does not move the text, so the test can read it at its old address.
TEST(ServerTest, OverwritesTicketKeysEvenIfItCannotStart) {
  Server::Options options;
  options.listen = "127.0.0.1:0";
  options.tls = TlsServerOptions{.certificates = {{.chain_file = "/nowhere/cert.pem"}}};
  options.ticket_keys = std::string(1000, 'k');
  const std::string_view keys = options.ticket_keys;
  Server server(std::move(options));
  EXPECT_FALSE(server.start(make_handler([](const Request&) { return Response(Status::ok); })));
  EXPECT_EQ(keys.find('k'), std::string_view::npos);
}

TEST(ServerTest, RefusesToStartWithoutAHandler) {
  const std::shared_ptr<const Handler> null;
  const std::vector<std::function<Result<void>(Server&)>> starts = {
      [&](Server& server) { return server.start(null); },
      [](Server& server) { return server.start_per_worker({}); },
      [&](Server& server) { return server.start_per_worker([&] { return null; }); },
  };
  for (const auto& start : starts) {
    Server server(on_a_free_port());
    const auto started = start(server);
    ASSERT_FALSE(started);
    EXPECT_TRUE(started.error().is(Errc::bad_option));
    EXPECT_THAT(started.error().to_string(), HasSubstr("handler"));
  }
  Server server(on_a_free_port());
  EXPECT_EQ(server.run(null), 1);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif
#else
constexpr bool kThreadSanitizer = false;
#endif

// Resumes the coroutine on another thread.
struct OnAnotherThread {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const {
    std::thread([handle] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // by then the worker waits
      handle.resume();
    }).detach();
  }
  void await_resume() const noexcept {}
};

TEST(ServerDeathTest, AbortsWithAMessageIfAnotherThreadResumesAHandler) {
  if (kThreadSanitizer) GTEST_SKIP() << "the sanitizer ends the process first";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run = [](bool sleeps) {
    Server server(on_a_free_port());
    const auto started = server.start(make_handler([sleeps](Request) -> task<Response> {
      const OnAnotherThread elsewhere;
      co_await elsewhere;
      if (sleeps) co_await sleep_for(std::chrono::milliseconds(1));
      co_return Response(Status::no_content);
    }));
    if (started) ask_until_closed(server.addresses().front());
  };
  for (const bool sleeps : {false, true})
    EXPECT_DEATH(run(sleeps), "a task runs on a thread that is not its worker's");
}

TEST(ServerTest, StopsFromWithinAHandlerWithoutWaitingForItself) {
  Server server(on_a_free_port());
  std::atomic<int> stopped = -1;
  const auto started = server.start(make_handler([&](Request) {
    stopped = server.stop(std::chrono::seconds(5)) ? 1 : 0;
    return Response(Status::no_content);
  }));
  ASSERT_TRUE(started) << started.error().to_string();
  ask_until_closed(server.addresses().front());
  EXPECT_EQ(stopped, 0);
  EXPECT_TRUE(server.stop(std::chrono::seconds(10)));  // waits for the end of the first stop
}

// The worker ends only after the function has returned.
TEST(ServerTest, StopsFromWithinAnOffloadedFunctionWithoutWaitingForItself) {
  Server server(on_a_free_port());
  std::atomic<int> stopped = -1;
  std::atomic<int> waited = -1;
  const auto started = server.start(make_handler([&](Request) -> task<Response> {
    auto stopping = offload([&] {
      stopped = server.stop(std::chrono::seconds(5)) ? 1 : 0;
      waited = server.wait() ? 1 : 0;
    });
    co_await std::move(stopping);
    co_return Response(Status::no_content);
  }));
  ASSERT_TRUE(started) << started.error().to_string();
  ask_until_closed(server.addresses().front());
  EXPECT_EQ(stopped, 0);
  EXPECT_EQ(waited, 0);
  EXPECT_TRUE(server.stop(std::chrono::seconds(10)));
}

TEST(ServerTest, MayBeDestroyedWithinAnOffloadedFunction) {
  auto server = std::make_unique<Server>(on_a_free_port());
  std::atomic<bool> destroyed = false;
  const auto started = server->start(make_handler([&](Request) -> task<Response> {
    auto destroying = offload([&] {
      server.reset();
      destroyed = true;
    });
    co_await std::move(destroying);
    co_return Response(Status::no_content);
  }));
  ASSERT_TRUE(started) << started.error().to_string();
  ask_until_closed(server->addresses().front());
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!destroyed && std::chrono::steady_clock::now() < give_up)
    std::this_thread::yield();
  EXPECT_TRUE(destroyed);
}

TEST(ServerTest, MayBeDestroyedWithinAHandler) {
  auto server = std::make_unique<Server>(on_a_free_port());
  std::atomic<bool> destroyed = false;
  const auto started = server->start(make_handler([&](Request) {
    server.reset();
    destroyed = true;
    return Response(Status::no_content);
  }));
  ASSERT_TRUE(started) << started.error().to_string();
  ask_until_closed(server->addresses().front());
  EXPECT_TRUE(destroyed);
}

// A destructor may call stop(), so stop() must not throw.
TEST(ServerTest, StopsEvenIfAllocationsFail) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "operator new is a sanitizer's";
  bool has_failed = true;
  for (std::size_t succeed = 0; has_failed && succeed < 20; ++succeed) {
    Server server(on_a_free_port());
    const auto started = server.start(make_handler([](Request) { return Response(Status::ok); }));
    ASSERT_TRUE(started) << started.error().to_string();
    const FailingAllocation failing(succeed);
    try {
      server.stop(std::chrono::seconds(5));
    } catch (const std::bad_alloc&) {
      ADD_FAILURE() << succeed;
    }
    has_failed = failing.is_over();
  }
}

// The handler owns its Server, and a worker's thread is the last owner of the handler.
TEST(ServerTest, MayBeDestroyedByItsOwnWorkerThread) {
  auto server = std::make_shared<Server>(on_a_free_port());
  const std::weak_ptr<Server> left = server;
  std::shared_ptr<const Handler> handler = make_handler([server](Request) {
    server->stop(std::chrono::seconds(5));
    return Response(Status::no_content);
  });
  const auto started = server->start(std::move(handler));
  ASSERT_TRUE(started) << started.error().to_string();
  const std::string address = server->addresses().front();
  server.reset();
  ask_until_closed(address);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!left.expired() && std::chrono::steady_clock::now() < give_up)
    std::this_thread::yield();
  EXPECT_TRUE(left.expired());
}

}  // namespace
}  // namespace onehop
