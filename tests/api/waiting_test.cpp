// SPDX-License-Identifier: Apache-2.0
//
// Handlers that wait for other threads, with only public headers and real sockets.
#include <onehop/onehop.hpp>
#include <onehop/testing.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;

onehop::Server::Options quiet() {
  onehop::Server::Options options;
  options.listen = "127.0.0.1:0";
  options.workers = 2;
  options.log = [](onehop::LogLevel, std::string_view) {};
  return options;
}

onehop::task<onehop::Result<std::string>> fetch_text(onehop::Url url) {
  const onehop::Transport transport;
  auto response = co_await transport.round_trip(onehop::Request(onehop::Method::get, url));
  if (!response) co_return onehop::failure(response.error());
  const auto status = response->status();
  auto text = co_await response->body().read_all(1 << 20);
  if (!text) co_return text;
  co_return std::to_string(status.code()) + " " + *text;
}

onehop::Result<std::string> fetch(const onehop::Server& server) {
  auto url = onehop::Url::parse("http://" + server.addresses().front() + "/");
  return onehop::testing::run(fetch_text(std::move(*url)));
}

void wait_for(const std::atomic<bool>& flag) {
  while (!flag)
    std::this_thread::sleep_for(1ms);
}

TEST(Waiting, AHandlerOffloadsAndResponds) {
  onehop::Server server(quiet());
  ASSERT_TRUE(
      server.start(onehop::make_handler([](onehop::Request) -> onehop::task<onehop::Response> {
        auto text = onehop::offload([] { return std::string("from afar"); });
        std::string content = co_await std::move(text);
        co_return onehop::Response(onehop::Status::ok, std::move(content));
      })));
  EXPECT_EQ(fetch(server), "200 from afar");
}

TEST(Waiting, AnExceptionOfAnOffloadedFunctionIsA500) {
  onehop::Server server(quiet());
  ASSERT_TRUE(
      server.start(onehop::make_handler([](onehop::Request) -> onehop::task<onehop::Response> {
        auto failing = onehop::offload([] { throw std::runtime_error("no database"); });
        co_await std::move(failing);
        co_return onehop::Response(onehop::Status::ok);
      })));
  EXPECT_TRUE(fetch(server).value_or("").starts_with("500 "));
}

TEST(Waiting, AFullPoolIsA503) {
  onehop::Server server(quiet());
  ASSERT_TRUE(
      server.start(onehop::make_handler([](onehop::Request) -> onehop::task<onehop::Response> {
        throw std::system_error(onehop::make_error_code(onehop::Errc::overloaded));
        co_return onehop::Response(onehop::Status::ok);
      })));
  EXPECT_TRUE(fetch(server).value_or("").starts_with("503 "));
}

TEST(Waiting, StopWaitsForAFunctionThatRuns) {
  std::atomic<bool> began = false, ended = false;
  onehop::Server server(quiet());
  ASSERT_TRUE(
      server.start(onehop::make_handler([&](onehop::Request) -> onehop::task<onehop::Response> {
        auto slow = onehop::offload([&] {
          began = true;
          std::this_thread::sleep_for(200ms);
          ended = true;
        });
        co_await std::move(slow);
        co_return onehop::Response(onehop::Status::ok);
      })));
  const std::jthread client([&] { (void)fetch(server); });
  wait_for(began);
  EXPECT_FALSE(server.stop(0ms));  // the request is cut
  EXPECT_TRUE(ended);              // `ended` may be destroyed from here on
}

TEST(Waiting, ACompletionMayComeAfterTheServerHasStopped) {
  std::atomic<bool> waits = false;
  std::unique_ptr<onehop::Completer<int>> late;
  {
    onehop::Server server(quiet());
    ASSERT_TRUE(
        server.start(onehop::make_handler([&](onehop::Request) -> onehop::task<onehop::Response> {
          onehop::Completion<int> number;
          late = std::make_unique<onehop::Completer<int>>(number.completer());
          waits = true;
          auto waiting = number.wait();
          co_await std::move(waiting);
          co_return onehop::Response(onehop::Status::ok);
        })));
    const std::jthread client([&] { (void)fetch(server); });
    wait_for(waits);
    server.stop(0ms);
  }
  EXPECT_TRUE(late->complete(1));
}

TEST(Waiting, ADialerMayUseOffload) {
  struct Refusing final : onehop::Dialer {
    onehop::task<onehop::Result<onehop::DialledConnection>> dial(
        const onehop::DialTarget& target) const override {
      auto name = onehop::offload([host = target.host] { return "no way to " + host; });
      std::string text = co_await std::move(name);
      co_return onehop::failure(onehop::Errc::connect_failed, onehop::Side::upstream,
                                std::move(text));
    }
  };
  onehop::Transport::Options options;
  options.dialer = std::make_shared<Refusing>();
  const onehop::Transport transport(std::move(options));
  const auto response = onehop::testing::run(transport.round_trip(
      onehop::Request(onehop::Method::get, onehop::Url::parse("http://a.test/").value())));
  ASSERT_FALSE(response);
  EXPECT_TRUE(response.error().detail().starts_with("no way to a.test"));
}

TEST(Waiting, RejectsLimitsThatAllowNothing) {
  onehop::Transport::Options options;
  options.max_connections = 0;
  EXPECT_THROW(onehop::Transport{options}, std::invalid_argument);
  onehop::Server::Options none = quiet();
  none.max_requests_per_client = 0;
  onehop::Server server(std::move(none));
  const auto started = server.start(
      onehop::make_handler([](onehop::Request) { return onehop::Response(onehop::Status::ok); }));
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().is(onehop::Errc::bad_option));
}

}  // namespace
