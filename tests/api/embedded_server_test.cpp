// SPDX-License-Identifier: Apache-2.0
//
// A server inside a larger program, with public headers only and real sockets.
#include <onehop/onehop.hpp>
#include <onehop/testing.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

onehop::Server::Options quiet(std::string listen = "127.0.0.1:0") {
  onehop::Server::Options options;
  options.listen = std::move(listen);
  options.workers = 2;
  options.log = [](onehop::LogLevel, std::string_view) {};
  return options;
}

onehop::task<onehop::Result<std::string>> fetch_text(onehop::Url url) {
  const onehop::Transport transport;
  auto response = co_await transport.round_trip(onehop::Request(onehop::Method::get, url));
  if (!response) co_return onehop::failure(response.error());
  co_return co_await response->body().read_all(1 << 20);
}

// Returns the whole response of http://`address`/.
onehop::Result<std::string> fetch(const std::string& address) {
  return onehop::testing::run(fetch_text(onehop::Url::parse("http://" + address + "/").value()));
}

onehop::Response say_function(onehop::Request) {
  return {onehop::Status::ok, "function"};
}

class Says final : public onehop::Handler {
 public:
  explicit Says(std::string text) : text_(std::move(text)) {}
  onehop::task<onehop::Response> serve(onehop::Request) const override {
    co_return onehop::Response(onehop::Status::ok, text_);
  }

 private:
  std::string text_;
};

// Returns the response of a server that was started with `handler`.
template <class Source>
std::string said_by(Source handler) {
  onehop::Server server(quiet());
  if (!server.start(std::move(handler))) return "not started";
  return fetch(server.addresses().front()).value();
}

TEST(EmbeddedServer, AcceptsEveryKindOfHandler) {
  const std::string text = "lambda";
  EXPECT_EQ(said_by(say_function), "function");
  EXPECT_EQ(said_by([text](onehop::Request) { return onehop::Response(onehop::Status::ok, text); }),
            "lambda");
  EXPECT_EQ(said_by([text](onehop::Request) -> onehop::task<onehop::Response> {
              co_await onehop::sleep_for(1ms);
              co_return onehop::Response(onehop::Status::ok, "coroutine " + text);
            }),
            "coroutine lambda");
  EXPECT_EQ(said_by(Says("value")), "value");
  EXPECT_EQ(said_by(std::make_shared<Says>("pointer")), "pointer");
  EXPECT_EQ(said_by(std::make_shared<const Says>("constant")), "constant");
  EXPECT_EQ(said_by(onehop::make_handler(std::make_shared<Says>("made"))), "made");
}

TEST(EmbeddedServer, RejectsANullHandlerOfAnyType) {
  EXPECT_EQ(said_by(std::shared_ptr<Says>()), "not started");
  EXPECT_EQ(said_by(nullptr), "not started");
}

TEST(EmbeddedServer, StartsOnAFreePortAndStops) {
  onehop::Server server(quiet());
  EXPECT_TRUE(server.addresses().empty());
  ASSERT_TRUE(server.start(onehop::make_handler(
      [](onehop::Request) { return onehop::Response(onehop::Status::ok, "hello"); })));
  ASSERT_EQ(server.addresses().size(), 1u);
  const std::string address = server.addresses().front();
  EXPECT_THAT(address, StartsWith("127.0.0.1:"));
  EXPECT_EQ(fetch(address).value(), "hello");
  EXPECT_TRUE(server.stop(5s));
  EXPECT_FALSE(fetch(address));
  EXPECT_EQ(server.connections(), 0u);
}

TEST(EmbeddedServer, ListensOnSeveralAddresses) {
  onehop::Server::Options options = quiet();
  options.listen = {"127.0.0.1:0", "127.0.0.1:0"};
  onehop::Server server(std::move(options));
  ASSERT_TRUE(server.start(onehop::make_handler(
      [](onehop::Request) { return onehop::Response(onehop::Status::ok, "both"); })));
  ASSERT_EQ(server.addresses().size(), 2u);
  for (const std::string& address : server.addresses())
    EXPECT_EQ(fetch(address).value(), "both");
}

TEST(EmbeddedServer, ReportsWhyItCannotStart) {
  onehop::Server first(quiet());
  const auto handler = onehop::testing::recorder(onehop::Status::ok, "");
  ASSERT_TRUE(first.start(handler));
  onehop::Server second(quiet(first.addresses().front()));
  const auto started = second.start(handler);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().to_string(), HasSubstr(first.addresses().front()));
  EXPECT_EQ(second.run(handler), 1);
}

TEST(EmbeddedServer, OnListeningRunsBeforeServingAndCanPreventTheStart) {
  onehop::Server::Options options = quiet();
  options.listen = {"127.0.0.1:0", "127.0.0.1:0"};
  onehop::Server* asked = nullptr;
  std::size_t open = 0;
  bool may = false;
  options.on_listening = [&]() -> onehop::Result<void> {
    open = asked->addresses().size();
    if (may) return {};
    return onehop::failure(onehop::Errc::bad_option, onehop::Side::local, "not as this user");
  };
  const auto handler = onehop::testing::recorder(onehop::Status::ok, "served");
  onehop::Server refused(options);
  asked = &refused;
  const auto started = refused.start(handler);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().detail(), "not as this user");
  EXPECT_EQ(open, 2u);
  EXPECT_FALSE(fetch(refused.addresses().front()));

  may = true;
  onehop::Server served(options);
  asked = &served;
  ASSERT_TRUE(served.start(handler));
  EXPECT_EQ(fetch(served.addresses().front()).value(), "served");
}

TEST(EmbeddedServer, RunsUntilStoppedByAnotherThread) {
  onehop::Server server(quiet());
  auto result = std::async(std::launch::async, [&server] {
    return server.run(onehop::testing::recorder(onehop::Status::ok, "running"));
  });
  while (server.addresses().empty())
    std::this_thread::sleep_for(1ms);
  EXPECT_EQ(fetch(server.addresses().front()).value(), "running");
  server.stop(1s);
  EXPECT_EQ(result.get(), 0);
}

TEST(EmbeddedServer, MakesAHandlerForEachCore) {
  // Counts without a lock, because one worker owns it.
  struct Counting final : onehop::Handler {
    onehop::task<onehop::Response> serve(onehop::Request) const override {
      co_return onehop::Response(onehop::Status::ok, std::to_string(++count));
    }
    mutable int count = 0;
  };
  std::atomic<int> made = 0;
  onehop::Server server(quiet());
  ASSERT_TRUE(server.start_per_worker([&made] {
    ++made;
    return std::make_shared<Counting>();
  }));
  for (int i = 0; i < 5; ++i) {
    const int count = std::stoi(fetch(server.addresses().front()).value());
    EXPECT_GE(count, 1);
    EXPECT_LE(count, i + 1);
  }
  EXPECT_EQ(made, 2);
  server.stop(1s);
}

TEST(EmbeddedServer, LetsAResponseInProgressFinish) {
  std::promise<void> asked;
  onehop::Server server(quiet());
  ASSERT_TRUE(server.start(
      onehop::make_handler([&asked](onehop::Request) -> onehop::task<onehop::Response> {
        asked.set_value();
        co_await onehop::sleep_for(200ms);
        co_return onehop::Response(onehop::Status::ok, "finished");
      })));
  const std::string address = server.addresses().front();
  auto answer = std::async(std::launch::async, [&address] { return fetch(address); });
  asked.get_future().wait();
  EXPECT_TRUE(server.stop(10s));
  EXPECT_EQ(answer.get().value(), "finished");
}

TEST(EmbeddedServer, StopAbortsExchangesThatTakeTooLong) {
  std::promise<void> asked;
  onehop::Server server(quiet());
  ASSERT_TRUE(server.start(
      onehop::make_handler([&asked](onehop::Request) -> onehop::task<onehop::Response> {
        asked.set_value();
        co_await onehop::sleep_for(1h);
        co_return onehop::Response(onehop::Status::ok);
      })));
  const std::string address = server.addresses().front();
  auto answer = std::async(std::launch::async, [&address] { return fetch(address); });
  asked.get_future().wait();
  EXPECT_FALSE(server.stop(50ms));
  EXPECT_FALSE(answer.get());
}

// A connection that sends requests and reads responses only when asked to.
class RawClient {
 public:
  explicit RawClient(const std::string& address) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { ::close(socket_); }

  void ask(const std::string& target) const {
    const std::string request = "GET " + target + " HTTP/1.1\r\nHost: a.example\r\n\r\n";
    EXPECT_EQ(::send(socket_, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
  }
  // Returns the first bytes that arrive.
  std::string read_some() const {
    char buffer[4096];
    const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
  }

 private:
  int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

template <class Condition>
bool comes_true(Condition condition) {
  for (int i = 0; i < 1000 && !condition(); ++i)
    std::this_thread::sleep_for(10ms);
  return condition();
}

TEST(EmbeddedServer, ReportsItsMemoryAndRejectsRequestsPastItsCeiling) {
  static constexpr std::size_t kMiB = std::size_t{1024} * 1024;
  std::atomic<int> warnings = 0;
  onehop::Server::Options options = quiet();
  options.defer_accept = false;
  options.max_memory = 16 * kMiB;
  options.log = [&warnings](onehop::LogLevel level, std::string_view text) {
    if (level == onehop::LogLevel::warning && text.contains("of 16 MiB (max_memory)")) ++warnings;
  };
  onehop::Server server(std::move(options));
  ASSERT_TRUE(server.start(onehop::make_handler([](const onehop::Request& request) {
    const bool large = request.url().path() == "/large";
    return onehop::Response(onehop::Status::ok, large ? std::string(64 * kMiB, 'x') : "small");
  })));
  const std::string address = server.addresses().front();
  EXPECT_LT(server.memory_in_use(), 8 * kMiB);
  const RawClient early(address);
  early.ask("/");
  EXPECT_THAT(early.read_some(), StartsWith("HTTP/1.1 200"));
  {
    const RawClient greedy(address);
    greedy.ask("/large");
    EXPECT_TRUE(comes_true([&] { return server.memory_in_use() > 32 * kMiB; }));
    early.ask("/");
    EXPECT_THAT(early.read_some(), StartsWith("HTTP/1.1 503"));
    EXPECT_EQ(warnings, 1);
  }
  EXPECT_TRUE(comes_true([&] { return server.memory_in_use() < 8 * kMiB; }));
  EXPECT_EQ(fetch(address).value(), "small");
  EXPECT_TRUE(server.stop(5s));
}

// The program of the README, with both ends in one process.
TEST(EmbeddedServer, ProxiesToAnotherServer) {
  onehop::Server backend(quiet());
  ASSERT_TRUE(backend.start(onehop::make_handler([](onehop::Request request) {
    return onehop::Response(onehop::Status::ok, "asked for " + std::string(request.url().target()));
  })));
  const auto url = onehop::Url::parse("http://" + backend.addresses().front() + "/base");
  ASSERT_TRUE(url);
  onehop::Server server(quiet());
  ASSERT_TRUE(server.start(onehop::single_host_reverse_proxy(*url)));
  EXPECT_EQ(fetch(server.addresses().front()).value(), "asked for /base/");
}

}  // namespace
