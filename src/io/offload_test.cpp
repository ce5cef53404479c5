// SPDX-License-Identifier: Apache-2.0
#include <onehop/offload.hpp>

#include <onehop/error.hpp>
#include <onehop/scope.hpp>
#include <onehop/testing.hpp>

#include "io/offloads.hpp"

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

task<std::string> find(std::string key) {
  auto found = offload([key] {
    std::this_thread::sleep_for(milliseconds(5));
    return "row of " + key;
  });
  co_return co_await std::move(found);
}

TEST(OffloadTest, ReturnsWhatTheFunctionReturns) {
  EXPECT_EQ(testing::run(find("k")), "row of k");
}

TEST(OffloadTest, RunsOnAnotherThreadAndResumesOnTheWorker) {
  testing::run([]() -> task<void> {
    const auto worker = std::this_thread::get_id();
    auto where = offload([] { return std::this_thread::get_id(); });
    const auto other = co_await std::move(where);
    EXPECT_NE(other, worker);
    EXPECT_EQ(std::this_thread::get_id(), worker);
  }());
}

TEST(OffloadTest, RethrowsWhatTheFunctionThrows) {
  auto failing = offload([]() -> int { throw std::runtime_error("no such table"); });
  EXPECT_THROW(testing::run(std::move(failing)), std::runtime_error);
}

TEST(OffloadTest, MayReturnVoidOrAMoveOnlyType) {
  std::atomic<bool> ran = false;
  testing::run(offload([&] { ran = true; }));
  EXPECT_TRUE(ran);
  auto number = testing::run(
      offload([number = std::make_unique<int>(3)]() mutable { return std::move(number); }));
  EXPECT_EQ(*number, 3);
}

TEST(OffloadTest, CompletesWithinATestNetwork) {
  testing::Network network;
  EXPECT_EQ(network.run(find("k")), "row of k");
  network.serve("app.test:80", make_handler([](Request) -> task<Response> {
                  auto row = find("r");
                  std::string text = co_await std::move(row);
                  co_return Response(Status::ok, std::move(text));
                }));
  auto client = network.connect("app.test:80");
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.receive().ends_with("\r\n\r\nrow of r"));
}

TEST(OffloadTest, ManyRunAtOnce) {
  std::latch all(4);
  testing::run([](std::latch& together) -> task<void> {
    Scope scope;
    for (int i = 0; i < 4; ++i)
      scope.spawn(offload([&] { together.arrive_and_wait(); }));
    auto joined = scope.join();
    co_await std::move(joined);
  }(all));
}

TEST(OffloadTest, FinishesAFunctionWhoseTaskIsDestroyed) {
  std::atomic<bool> began = false, ended = false;
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  testing::run(
      [](std::atomic<bool>& b, std::atomic<bool>& e, std::shared_ptr<int> c) -> task<void> {
        Scope scope;
        scope.spawn([](std::atomic<bool>& begun, std::atomic<bool>& done,
                       std::shared_ptr<int> kept) -> task<void> {
          auto work = offload([&, kept = std::move(kept)] {
            begun = true;
            std::this_thread::sleep_for(milliseconds(50));
            done = true;
            return kept;
          });
          co_await std::move(work);
          ADD_FAILURE() << "it was cancelled";
        }(b, e, std::move(c)));
        while (!b) {
          auto pause = sleep_for(milliseconds(1));
          co_await std::move(pause);
        }
        scope.cancel();
        EXPECT_FALSE(e);
      }(began, ended, std::move(captured)));
  EXPECT_TRUE(ended);  // run() waits for the function
  EXPECT_TRUE(watched.expired());
}

// Occupies every thread and every place in the queue until `open` is set.
class FullPool {
 public:
  void fill(Scope& scope) {
    for (std::size_t i = 0; i < kMaxOffloadThreads; ++i)
      scope.spawn(offload([this] { hold(); }));
    while (running_ < static_cast<int>(kMaxOffloadThreads))
      std::this_thread::sleep_for(milliseconds(1));
    for (std::size_t i = 0; i < kMaxOffloadQueue; ++i)
      scope.spawn(offload([this] { ++ran_; }));
  }
  void open() { open_ = true; }
  int ran() const { return ran_; }

 private:
  void hold() {
    ++running_;
    while (!open_)
      std::this_thread::sleep_for(milliseconds(1));
  }
  std::atomic<bool> open_ = false;
  std::atomic<int> running_ = 0;
  std::atomic<int> ran_ = 0;
};

TEST(OffloadTest, AFullQueueIsAnError) {
  FullPool pool;
  testing::run([](FullPool& full) -> task<void> {
    Scope scope;
    full.fill(scope);
    std::error_code code;
    try {
      auto more = offload([] {});
      co_await std::move(more);
    } catch (const std::system_error& error) {
      code = error.code();
    }
    EXPECT_EQ(code, make_error_code(Errc::overloaded));
    full.open();
    auto joined = scope.join();
    co_await std::move(joined);
  }(pool));
  EXPECT_EQ(pool.ran(), static_cast<int>(kMaxOffloadQueue));
}

TEST(OffloadTest, DropsAQueuedFunctionWithItsTask) {
  FullPool pool;
  testing::run([](FullPool& full) -> task<void> {
    Scope scope;
    full.fill(scope);
    scope.cancel();
    full.open();
    auto more = offload([] {});  // there is room again
    co_await std::move(more);
  }(pool));
  EXPECT_EQ(pool.ran(), 0);
}

// Waits for `go`.
task<void> wait_elsewhere(std::latch& go) {
  auto waiting = offload([&go] { go.wait(); });
  co_await std::move(waiting);
}

TEST(OffloadTest, ReleasesAnObjectAfterEarlierFunctionsHaveEnded) {
  testing::run([]() -> task<void> {
    const auto released = [] {
      auto object = std::make_shared<int>(1);
      std::weak_ptr<int> seen = object;
      io::release_after_offloads(std::move(object));
      return seen;
    };
    EXPECT_TRUE(released().expired()) << "there was none";
    std::latch first_goes(1);
    std::latch second_goes(1);
    Scope second;
    {
      Scope first;
      first.spawn(wait_elsewhere(first_goes));
      const auto object = released();
      const auto another = released();
      second.spawn(wait_elsewhere(second_goes));
      EXPECT_FALSE(object.expired() || another.expired());
      first_goes.count_down();
      co_await first.join();
      EXPECT_TRUE(object.expired() && another.expired());
    }
    const auto object = released();
    EXPECT_FALSE(object.expired());
    second_goes.count_down();
    co_await second.join();
    EXPECT_TRUE(object.expired());
  }());
}

}  // namespace
}  // namespace onehop
