// SPDX-License-Identifier: Apache-2.0
#include <onehop/task.hpp>

#include <coroutine>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

namespace onehop {
namespace {

static_assert(!std::is_copy_constructible_v<task<int>>);
static_assert(std::is_nothrow_move_constructible_v<task<int>>);

// Suspends its awaiters until open().
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting_ = handle; }
  void await_resume() const noexcept {}

  void open() { std::exchange(waiting_, {}).resume(); }
  bool has_waiter() const { return bool(waiting_); }

 private:
  std::coroutine_handle<> waiting_;
};

class Flag {
 public:
  explicit Flag(bool& flag) : flag_(flag) {}
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;
  ~Flag() { flag_ = true; }

 private:
  bool& flag_;
};

task<int> immediate(int value) {
  co_return value;
}

task<int> after(Gate& gate, int value) {
  co_await gate;
  co_return value;
}

task<int> sum(Gate& gate) {
  const int a = co_await immediate(1);
  const int b = co_await after(gate, 20);
  const int c = co_await immediate(300);
  co_return a + b + c;
}

TEST(Task, DoesNothingUntilItIsStarted) {
  bool started = false;
  auto note = [](bool& flag) -> task<void> {
    flag = true;
    co_return;
  };
  task<void> work = note(started);
  EXPECT_FALSE(started);
  EXPECT_TRUE(work.start());
  EXPECT_TRUE(started);
  EXPECT_TRUE(work.done());
}

TEST(Task, DeliversValuesFromSuspendedAndFinishedChildren) {
  Gate gate;
  task<int> work = sum(gate);
  EXPECT_FALSE(work.start());
  EXPECT_FALSE(work.done());
  gate.open();
  ASSERT_TRUE(work.done());
  EXPECT_EQ(work.take(), 321);
}

TEST(Task, ResumesTheContinuationGivenToStart) {
  Gate inner;
  Gate outer;
  bool resumed = false;
  auto listener = [](Gate& gate, bool& flag) -> task<void> {
    co_await gate;
    flag = true;
  };
  task<void> listening = listener(outer, resumed);
  listening.start();
  ASSERT_TRUE(outer.has_waiter());
  task<int> work = after(inner, 7);
  // The continuation may be any suspended coroutine: this one only records that it ran.
  struct Note {
    struct promise_type {  // NOLINT(readability-identifier-naming): the language's name
      Note get_return_object() {
        return {std::coroutine_handle<promise_type>::from_promise(*this)};
      }
      std::suspend_always initial_suspend() noexcept { return {}; }
      std::suspend_always final_suspend() noexcept { return {}; }
      void return_void() {}
      void unhandled_exception() {}
    };
    std::coroutine_handle<promise_type> handle;
  };
  auto open = [](Gate& gate) -> Note {
    gate.open();
    co_return;
  };
  const Note note = open(outer);
  EXPECT_FALSE(work.start(note.handle));
  EXPECT_FALSE(resumed);
  inner.open();
  EXPECT_TRUE(resumed);
  EXPECT_EQ(work.take(), 7);
  note.handle.destroy();
}

TEST(Task, ResultsMayBeMoveOnly) {
  auto make = [](int value) -> task<std::unique_ptr<int>> {
    co_return std::make_unique<int>(value);
  };
  auto pass = [](task<std::unique_ptr<int>> inner) -> task<std::unique_ptr<int>> {
    auto pointer = co_await std::move(inner);
    ++*pointer;
    co_return pointer;
  };
  auto work = pass(make(41));
  ASSERT_TRUE(work.start());
  EXPECT_EQ(*work.take(), 42);
}

// A child that completes synchronously leaves no frame on the stack: debug and sanitizer builds
// have no tail calls.
task<long> count(int times) {
  long total = 0;
  for (int i = 0; i < times; ++i)
    total += co_await immediate(1);
  co_return total;
}

TEST(Task, Awaiting100000ChildrenThatFinishAtOnceDoesNotGrowTheStack) {
  auto work = count(100'000);
  ASSERT_TRUE(work.start());
  EXPECT_EQ(work.take(), 100'000);
}

task<long> count_after(Gate& gate, int times) {
  co_await gate;
  co_return co_await count(times);
}

TEST(Task, AwaitingFinishedChildrenAfterASuspensionDoesNotGrowTheStack) {
  Gate gate;
  auto work = count_after(gate, 100'000);
  work.start();
  gate.open();
  ASSERT_TRUE(work.done());
  EXPECT_EQ(work.take(), 100'000);
}

task<void> hold(Gate& gate, bool& destroyed) {
  const Flag flag(destroyed);
  co_await gate;
}

task<void> nest(Gate& gate, bool& inner, bool& outer) {
  const Flag flag(outer);
  co_await hold(gate, inner);
}

TEST(Task, DestroyingASuspendedTaskRunsTheDestructorsOfEveryLevel) {
  Gate gate;
  bool inner = false;
  bool outer = false;
  {
    auto work = nest(gate, inner, outer);
    EXPECT_FALSE(work.start());
    EXPECT_FALSE(inner);
  }
  EXPECT_TRUE(inner);
  EXPECT_TRUE(outer);
}

TEST(Task, DestroyingATaskThatNeverRanDestroysItsParameters) {
  auto resource = std::make_shared<int>(1);
  auto hold_it = [](std::shared_ptr<int> held) -> task<int> { co_return *held; };
  {
    auto work = hold_it(resource);
    EXPECT_EQ(resource.use_count(), 2);
  }
  EXPECT_EQ(resource.use_count(), 1);
}

TEST(Task, MovingKeepsTheWorkAndAssignmentDestroysTheOldOne) {
  Gate first;
  Gate second;
  bool first_destroyed = false;
  bool second_destroyed = false;
  task<void> work = hold(first, first_destroyed);
  work.start();
  task<void> other = hold(second, second_destroyed);
  other.start();
  work = std::move(other);
  EXPECT_TRUE(first_destroyed);
  EXPECT_FALSE(second_destroyed);
  EXPECT_FALSE(bool(other));  // NOLINT(bugprone-use-after-move): what is left is defined
  second.open();
  EXPECT_TRUE(work.done());
  EXPECT_TRUE(second_destroyed);
}

task<int> fail_at_once() {
  throw std::runtime_error("at once");
  co_return 0;
}

task<int> fail_after(Gate& gate) {
  co_await gate;
  throw std::runtime_error("later");
}

task<std::string> catch_both(Gate& gate) {
  std::string heard;
  try {
    co_await fail_at_once();
  } catch (const std::runtime_error& error) {
    heard += error.what();
  }
  try {
    co_await fail_after(gate);
  } catch (const std::runtime_error& error) {
    heard.append(", ").append(error.what());
  }
  co_return heard;
}

TEST(Task, ExceptionsReachTheAwaiter) {
  Gate gate;
  auto work = catch_both(gate);
  EXPECT_FALSE(work.start());
  gate.open();
  ASSERT_TRUE(work.done());
  EXPECT_EQ(work.take(), "at once, later");
}

TEST(Task, TakeRethrows) {
  auto work = fail_at_once();
  EXPECT_TRUE(work.start());
  EXPECT_THROW(work.take(), std::runtime_error);
}

}  // namespace
}  // namespace onehop
