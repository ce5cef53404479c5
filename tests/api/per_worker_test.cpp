// SPDX-License-Identifier: Apache-2.0
//
// The public Server with real threads: one handler per worker, and failing starts.
#include <onehop/server.hpp>
#include <onehop/testing.hpp>
#include <onehop/transport.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Shared by all handlers of a test.
struct Made {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::atomic<int> handlers = 0;
  std::atomic<int> alive = 0;
};

// Belongs to one worker, so its counter needs no lock.
class OfOneWorker final : public Handler {
 public:
  explicit OfOneWorker(Made& made) : made_(made), thread_(std::this_thread::get_id()) {
    const std::lock_guard lock(made_.mutex);
    made_.threads.insert(thread_);
    ++made_.handlers;
    ++made_.alive;
  }
  ~OfOneWorker() override { --made_.alive; }
  OfOneWorker(const OfOneWorker&) = delete;
  OfOneWorker& operator=(const OfOneWorker&) = delete;

  task<Response> serve(Request) const override {
    ++served_;
    co_return Response(Status::ok, std::this_thread::get_id() == thread_ ? "mine" : "not mine");
  }

 private:
  Made& made_;
  std::thread::id thread_;
  mutable int served_ = 0;
};

class PerWorker : public ::testing::Test {
 protected:
  Server::Options options(std::size_t workers) {
    Server::Options options;
    options.listen = "127.0.0.1:0";
    options.workers = workers;
    options.log = [this](LogLevel, std::string_view line) {
      const std::lock_guard lock(made_.mutex);
      logged_ += line;
    };
    return options;
  }
  std::function<std::shared_ptr<const Handler>()> factory() {
    return [this] { return std::make_shared<const OfOneWorker>(made_); };
  }
  static task<std::string> fetch(std::string address) {
    const Transport transport;
    Request get(Method::get, Url::parse("http://" + address + "/").value());
    auto response = co_await transport.round_trip(std::move(get));
    if (!response) co_return response.error().to_string();
    auto text = co_await response->body().read_all(100);
    co_return text.value_or("?");
  }

  Made made_;
  std::string logged_;
};

TEST_F(PerWorker, MakesOneHandlerOnEachWorker) {
  Server server(options(3));
  ASSERT_TRUE(server.start_per_worker(factory()));
  EXPECT_EQ(made_.handlers, 3);
  EXPECT_EQ(made_.threads.size(), 3u);
  EXPECT_FALSE(made_.threads.contains(std::this_thread::get_id()));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(testing::run(fetch(server.addresses().front())), "mine");
  EXPECT_TRUE(server.stop(5s));
  EXPECT_EQ(made_.alive, 0);
}

TEST_F(PerWorker, RunsWithOneHandlerForEachWorkerUntilItIsStopped) {
  Server server(options(2));
  auto code = std::async(std::launch::async, [&] { return server.run_per_worker(factory()); });
  while (server.addresses().empty())
    std::this_thread::yield();
  EXPECT_EQ(testing::run(fetch(server.addresses().front())), "mine");
  EXPECT_TRUE(server.stop(5s));
  EXPECT_EQ(code.get(), 0);
  EXPECT_EQ(made_.handlers, 2);
  EXPECT_EQ(made_.alive, 0);
}

TEST_F(PerWorker, DoesNotStartWithoutOneOfItsHandlers) {
  Server server(options(3));
  std::atomic<int> calls = 0;
  const auto started = server.start_per_worker([&]() -> std::shared_ptr<const Handler> {
    if (++calls == 2) throw std::runtime_error("no second one");
    return std::make_shared<const OfOneWorker>(made_);
  });
  ASSERT_FALSE(started);
  EXPECT_THAT(std::string(started.error().detail()), HasSubstr("no second one"));
  EXPECT_EQ(made_.alive, 0);
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(PerWorker, DoesNotStartWhenItsHookThrows) {
  for (const bool is_exception : {true, false}) {
    Server::Options failing = options(2);
    failing.on_listening = [is_exception]() -> Result<void> {
      if (is_exception) throw std::runtime_error("no permission");
      throw 42;
    };
    Server server(std::move(failing));
    const auto started = server.start_per_worker(factory());
    ASSERT_FALSE(started);
    EXPECT_THAT(std::string(started.error().detail()),
                HasSubstr(is_exception ? "no permission" : "of unknown type"));
    EXPECT_TRUE(server.stop(1s));  // returns
  }
}

TEST_F(PerWorker, DoesNotStartWithContradictoryOptions) {
  Server::Options bad = options(1);
  bad.listen = "https://127.0.0.1:0";
  const auto started = Server(bad).start_per_worker(factory());
  ASSERT_FALSE(started);
  EXPECT_THAT(std::string(started.error().detail()), HasSubstr("needs a certificate"));
  bad.tls = TlsServerOptions();
  bad.tls->self_signed = true;
  bad.tls->certificates.emplace_back();
  const auto again = Server(bad).start_per_worker(factory());
  ASSERT_FALSE(again);
  EXPECT_THAT(std::string(again.error().detail()), HasSubstr("choose one of them"));
}

TEST_F(PerWorker, SurvivesAFactoryThatThrowsAnything) {
  Server server(options(2));
  const auto started =
      server.start_per_worker([]() -> std::shared_ptr<const Handler> { throw 42; });
  ASSERT_FALSE(started);
  EXPECT_THAT(std::string(started.error().detail()), HasSubstr("did not start"));
}

TEST_F(PerWorker, RunReportsWhyItCouldNotStart) {
  Server::Options bad = options(1);
  bad.listen = "nonsense";
  EXPECT_EQ(Server(std::move(bad)).run(testing::recorder(Status::ok, "")), 1);
  EXPECT_THAT(logged_, HasSubstr("nonsense"));
}

TEST_F(PerWorker, StartsOnce) {
  Server server(options(1));
  ASSERT_TRUE(server.start_per_worker(factory()));
  const auto again = server.start_per_worker(factory());
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(Errc::bad_option));
  EXPECT_EQ(testing::run(fetch(server.addresses().front())), "mine");
}

TEST_F(PerWorker, MayBeStoppedWithoutHavingStarted) {
  Server server(options(1));
  EXPECT_TRUE(server.stop(1s));
}

}  // namespace
}  // namespace onehop
