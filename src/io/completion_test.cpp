// SPDX-License-Identifier: Apache-2.0
#include <onehop/completion.hpp>

#include <onehop/scope.hpp>
#include <onehop/testing.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using std::chrono::milliseconds;

// A database client like that of a third-party library.
void query(const std::string& key, std::function<void(std::string)> callback) {
  std::thread([key, callback = std::move(callback)] {
    std::this_thread::sleep_for(milliseconds(5));
    callback("row of " + key);
  }).detach();
}

task<Result<std::string>> find_row(std::string key) {
  Completion<std::string> row;
  query(key, [to = row.completer()](std::string text) { to.complete(std::move(text)); });
  auto waiting = row.wait();
  co_return co_await std::move(waiting);
}

TEST(CompletionTest, DeliversTheResultOfAnotherThread) {
  EXPECT_EQ(testing::run(find_row("k")), "row of k");
}

TEST(CompletionTest, WorksInATestNetwork) {
  testing::Network network;
  EXPECT_EQ(network.run(find_row("k")), "row of k");
}

TEST(CompletionTest, MayBeCompletedBeforeTheWait) {
  const auto found = testing::run([]() -> task<Result<int>> {
    Completion<int> number;
    EXPECT_TRUE(number.completer().complete(7));
    auto waiting = number.wait();
    co_return co_await std::move(waiting);
  }());
  EXPECT_EQ(found, 7);
}

TEST(CompletionTest, KeepsTheFirstResult) {
  const auto found = testing::run([]() -> task<Result<int>> {
    Completion<int> number;
    const Completer<int> first = number.completer();
    const Completer<int> second = number.completer();
    EXPECT_TRUE(first.fail(Error(Errc::closed, Side::upstream)));
    EXPECT_FALSE(second.complete(2));
    auto waiting = number.wait();
    co_return co_await std::move(waiting);
  }());
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is(Errc::closed));
}

TEST(CompletionTest, CompletesWithoutAValue) {
  const auto done = testing::run([]() -> task<Result<void>> {
    Completion<void> ended;
    const std::jthread other([to = ended.completer()] { to.complete(); });
    auto waiting = ended.wait();
    co_return co_await std::move(waiting);
  }());
  EXPECT_TRUE(done);
}

TEST(CompletionTest, FailsWhenEveryCompleterIsGone) {
  const auto found = testing::run([]() -> task<Result<int>> {
    Completion<int> number;
    const std::jthread other([to = number.completer()] { const Completer<int> copy = to; });
    auto waiting = number.wait();
    co_return co_await std::move(waiting);
  }());
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is(Errc::cancelled));
  EXPECT_EQ(found.error().detail(), "every Completer was destroyed without a result");
}

TEST(CompletionTest, DropsAResultThatComesTooLate) {
  std::unique_ptr<Completer<std::shared_ptr<int>>> late;
  const auto found = testing::run([](std::unique_ptr<Completer<std::shared_ptr<int>>>& kept)
                                      -> task<Result<std::shared_ptr<int>>> {
    Completion<std::shared_ptr<int>> number;
    kept = std::make_unique<Completer<std::shared_ptr<int>>>(number.completer());
    auto timed = with_timeout(milliseconds(1), number.wait());
    co_return co_await std::move(timed);
  }(late));
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is(Errc::timed_out));
  auto value = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = value;
  EXPECT_TRUE(late->complete(std::move(value)));
  late.reset();
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace onehop
