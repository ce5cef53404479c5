// SPDX-License-Identifier: Apache-2.0
#include <onehop/scope.hpp>

#include "io/reactor.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Log = std::vector<std::string>;

// Logs its destruction.
class Mark {
 public:
  Mark(Log& log, std::string name) : log_(log), name_(std::move(name)) {}
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  ~Mark() { log_.push_back("~" + name_); }

 private:
  Log& log_;
  std::string name_;
};

class ScopeTest : public ::testing::Test {
 protected:
  void pass(io::Duration time) {
    reactor_.set_time(reactor_.now() + time + 2 * io::TimerWheel::kTick);
    settle();
  }
  void settle() {
    while (reactor_.run_once(io::Duration::zero())) {
    }
  }

  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_{reactor_};
  Log log_;
};

task<void> work_for(io::Duration time, Log& log, std::string name) {
  const Mark mark(log, name);
  log.push_back(name);
  if (time > io::Duration::zero()) co_await sleep_for(time);
  log.push_back(name + " done");
}

TEST_F(ScopeTest, SleepForLastsForItsDuration) {
  bool done = false;
  auto sleep = [](bool& flag) -> task<void> {
    co_await sleep_for(milliseconds(500));
    flag = true;
  };
  auto sleeping = sleep(done);
  sleeping.start();
  pass(milliseconds(400));
  EXPECT_FALSE(done);
  pass(milliseconds(100));
  EXPECT_TRUE(done);
}

TEST_F(ScopeTest, SleepForNothingLetsOthersRun) {
  Log log;
  auto count = [](Log& l, std::string name) -> task<void> {
    for (int i = 0; i < 2; ++i) {
      co_await sleep_for(seconds(0));
      l.push_back(name);
    }
  };
  auto a = count(log, "a");
  auto b = count(log, "b");
  a.start();
  b.start();
  settle();
  EXPECT_THAT(log, ElementsAre("a", "b", "a", "b"));
}

TEST_F(ScopeTest, ASpawnedTaskStartsAtOnceAndEndsByItself) {
  Scope scope;
  EXPECT_TRUE(scope.empty());
  scope.spawn(work_for(seconds(1), log_, "slow"));
  scope.spawn(work_for(seconds(0), log_, "quick"));
  EXPECT_THAT(log_, ElementsAre("slow", "quick", "quick done", "~quick"));
  EXPECT_FALSE(scope.empty());
  log_.clear();
  pass(seconds(1));
  EXPECT_THAT(log_, ElementsAre("slow done", "~slow"));
  EXPECT_TRUE(scope.empty());
}

task<void> join_and_tell(Scope& scope, Log& log) {
  co_await scope.join();
  log.emplace_back("joined");
}

TEST_F(ScopeTest, JoinAlsoWaitsForTasksSpawnedInTheMeantime) {
  Scope scope;
  auto spawn_more = [](Scope& s, Log& log) -> task<void> {
    co_await sleep_for(seconds(1));
    s.spawn(work_for(seconds(1), log, "second"));
  };
  scope.spawn(spawn_more(scope, log_));
  auto joining = join_and_tell(scope, log_);
  joining.start();
  pass(seconds(1));
  EXPECT_THAT(log_, ElementsAre("second"));
  pass(seconds(1));
  EXPECT_THAT(log_, ElementsAre("second", "second done", "~second", "joined"));
  EXPECT_TRUE(joining.done());
}

TEST_F(ScopeTest, JoinOfAnEmptyScopeDoesNotWait) {
  Scope scope;
  auto joining = join_and_tell(scope, log_);
  EXPECT_TRUE(joining.start());
}

TEST_F(ScopeTest, CancelDestroysRunningTasksAndEndsJoin) {
  Scope scope;
  scope.spawn(work_for(seconds(1), log_, "a"));
  scope.spawn(work_for(seconds(2), log_, "b"));
  auto joining = join_and_tell(scope, log_);
  joining.start();
  log_.clear();
  scope.cancel();
  EXPECT_THAT(log_, ElementsAre("~a", "~b"));
  EXPECT_TRUE(scope.empty());
  settle();
  EXPECT_TRUE(joining.done());
  log_.clear();
  pass(seconds(5));
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(ScopeTest, ItsDestructorCancels) {
  auto scope = std::make_unique<Scope>();
  scope->spawn(work_for(seconds(1), log_, "a"));
  log_.clear();
  scope.reset();
  EXPECT_THAT(log_, ElementsAre("~a"));
  pass(seconds(5));
  EXPECT_THAT(log_, ElementsAre("~a"));
}

TEST_F(ScopeTest, AScopeIsUsableAfterCancel) {
  Scope scope;
  scope.spawn(work_for(seconds(1), log_, "a"));
  scope.cancel();
  scope.spawn(work_for(seconds(1), log_, "b"));
  log_.clear();
  pass(seconds(1));
  EXPECT_THAT(log_, ElementsAre("b done", "~b"));
}

// Cancels its own scope, and continues until its next wait.
task<void> cancel_own(Scope& scope, Log& log, io::Duration before) {
  const Mark mark(log, "canceller");
  if (before > io::Duration::zero()) co_await sleep_for(before);
  scope.cancel();
  log.emplace_back("still running");
  co_await sleep_for(milliseconds(1));
  log.emplace_back("never");
}

TEST_F(ScopeTest, ATaskMayCancelItsOwnScopeAfterAWait) {
  Scope scope;
  scope.spawn(work_for(seconds(9), log_, "other"));
  scope.spawn(cancel_own(scope, log_, seconds(1)));
  log_.clear();
  pass(seconds(1));
  EXPECT_THAT(log_, ElementsAre("~other", "still running", "~canceller"));
  EXPECT_TRUE(scope.empty());
  pass(seconds(9));
  EXPECT_EQ(log_.size(), 3u);
}

TEST_F(ScopeTest, ATaskMayCancelItsOwnScopeWhileItStarts) {
  Scope scope;
  scope.spawn(work_for(seconds(9), log_, "other"));
  log_.clear();
  scope.spawn(cancel_own(scope, log_, seconds(0)));
  EXPECT_THAT(log_, ElementsAre("~other", "still running"));
  pass(seconds(1));
  EXPECT_THAT(log_, ElementsAre("~other", "still running", "~canceller"));
}

TEST_F(ScopeTest, ATaskMayDestroyItsOwnScope) {
  auto scope = std::make_unique<Scope>();
  auto destroy = [](std::unique_ptr<Scope>& s, Log& log) -> task<void> {
    const Mark mark(log, "destroyer");
    co_await sleep_for(seconds(1));
    s.reset();
    log.emplace_back("destroyed");
  };
  scope->spawn(work_for(seconds(9), log_, "other"));
  scope->spawn(destroy(scope, log_));
  log_.clear();
  pass(seconds(1));
  EXPECT_THAT(log_, ElementsAre("~other", "destroyed", "~destroyer"));
}

task<void> cancel_after(Scope& scope, Log& log, io::Duration before) {
  const Mark mark(log, "inner");
  if (before > io::Duration::zero()) co_await sleep_for(before);
  scope.cancel();
  log.emplace_back("cancelled");
}

// Spawns, into its own scope, a task that cancels the scope of this task.
task<void> own_canceller(Scope& scope, Log& log, io::Duration before) {
  const Mark mark(log, "owner");
  Scope inner;
  inner.spawn(cancel_after(scope, log, before));
  log.emplace_back("spawned");
  co_await sleep_for(seconds(9));
  log.emplace_back("never");
}

TEST_F(ScopeTest, ASpawnedTaskDoesNotDestroyItsSpawner) {
  Scope outer;
  outer.spawn(own_canceller(outer, log_, seconds(0)));
  EXPECT_THAT(log_, ElementsAre("cancelled", "~inner", "spawned"));
  pass(seconds(1));
  EXPECT_EQ(log_.size(), 4u);
  EXPECT_EQ(log_.back(), "~owner");
}

TEST_F(ScopeTest, AnInnerTaskMayCancelTheScopeOfTheTaskThatOwnsIt) {
  Scope outer;
  outer.spawn(own_canceller(outer, log_, seconds(1)));
  log_.clear();
  pass(seconds(1));
  EXPECT_THAT(log_, ElementsAre("~owner", "cancelled", "~inner"));
}

TEST_F(ScopeTest, ATaskCancelledWithItsWakeupPendingDoesNotRun) {
  Scope scope;
  scope.spawn(work_for(seconds(1), log_, "a"));
  reactor_.set_time(reactor_.now() + seconds(2));  // fired, not yet run
  log_.clear();
  scope.cancel();
  settle();
  EXPECT_THAT(log_, ElementsAre("~a"));
}

TEST_F(ScopeTest, TheParametersOfATaskAreDestroyedWhenItEnds) {
  auto resource = std::make_shared<int>(0);
  auto hold = [](std::shared_ptr<int> held) -> task<void> {
    co_await sleep_for(seconds(1));
    ++*held;
  };
  Scope scope;
  long uses_at_join = 0;
  auto join = [](Scope& s, const std::shared_ptr<int>& r, long& uses) -> task<void> {
    co_await s.join();
    uses = r.use_count();
  };
  scope.spawn(hold(resource));
  auto joining = join(scope, resource, uses_at_join);
  joining.start();
  pass(seconds(1));
  EXPECT_EQ(*resource, 1);
  EXPECT_EQ(uses_at_join, 1);
}

task<void> fail_after(io::Duration time, std::string what) {
  if (time > io::Duration::zero()) co_await sleep_for(time);
  throw std::runtime_error(what);
}

task<void> log_join(Scope& scope, Log& log) {
  try {
    co_await scope.join();
    log.push_back("joined");
  } catch (const std::runtime_error& error) {
    log.push_back(error.what());
  }
}

TEST_F(ScopeTest, AnExceptionEndsOnlyItsTaskAndJoinRethrowsTheFirst) {
  Scope scope;
  scope.spawn(fail_after(seconds(1), "first"));
  scope.spawn(fail_after(seconds(2), "second"));
  scope.spawn(work_for(seconds(3), log_, "work"));
  auto joining = log_join(scope, log_);
  joining.start();
  pass(seconds(4));
  EXPECT_EQ(log_, (Log{"work", "work done", "~work", "first"}));
  // The exception was rethrown once; a second join() only completes.
  auto again = log_join(scope, log_);
  EXPECT_TRUE(again.start());
  EXPECT_EQ(log_.back(), "joined");
}

TEST_F(ScopeTest, AnExceptionInAnUnjoinedScopeIsWrittenToStandardError) {
  ::testing::internal::CaptureStderr();
  {
    Scope scope;
    scope.spawn(fail_after(io::Duration::zero(), "lost"));
    settle();
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "onehop: a task of a Scope that was not joined has failed: lost\n");
}

TEST_F(ScopeTest, AScopeMayBeDestroyedAfterWakingItsJoiner) {
  for (const bool woken : {true, false}) {
    log_.clear();
    std::optional<Scope> scope(std::in_place);
    scope->spawn(sleep_for(seconds(1)));
    auto joining = log_join(*scope, log_);
    joining.start();
    if (woken) scope->cancel();  // wakes the joiner, which has not run yet
    scope.reset();
    settle();
    EXPECT_EQ(log_, Log{"joined"}) << woken;
  }
}

TEST_F(ScopeTest, RefusesAnEmptyTask) {
  Scope scope;
  EXPECT_THROW(scope.spawn(task<void>()), std::invalid_argument);
}

class WithTimeoutTest : public ScopeTest {
 protected:
  static task<Result<int>> answer_after(io::Duration time, Log& log) {
    const Mark mark(log, "work");
    if (time > io::Duration::zero()) co_await sleep_for(time);
    co_return 42;
  }
};

TEST_F(WithTimeoutTest, ReturnsTheResultOfWorkThatEndsInTime) {
  auto work = with_timeout(seconds(2), answer_after(seconds(1), log_));
  EXPECT_FALSE(work.start());
  pass(seconds(1));
  ASSERT_TRUE(work.done());
  const Result<int> result = work.take();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(*result, 42);
  pass(seconds(5));
}

TEST_F(WithTimeoutTest, DoesNotWaitForWorkThatEndsAtOnce) {
  auto work = with_timeout(seconds(2), answer_after(seconds(0), log_));
  ASSERT_TRUE(work.start());
  EXPECT_EQ(work.take().value(), 42);
}

TEST_F(WithTimeoutTest, DestroysWorkThatTakesTooLong) {
  auto work = with_timeout(seconds(1), answer_after(seconds(2), log_));
  work.start();
  pass(seconds(1));
  ASSERT_TRUE(work.done());
  EXPECT_THAT(log_, ElementsAre("~work")) << "before the task of with_timeout is destroyed";
  const Result<int> result = work.take();
  ASSERT_FALSE(result.has_value());
  EXPECT_TRUE(result.error().is(Errc::timed_out));
  EXPECT_TRUE(result.error().is_timeout());
  EXPECT_EQ(result.error().side(), Side::local);
  pass(seconds(5));  // no task is left to be resumed
}

// Regression: this ended the process.
TEST(WithTimeout, FailsOutsideAnEventLoop) {
  auto answer = []() -> task<Result<int>> { co_return 42; };
  auto work = with_timeout(seconds(1), answer());
  ASSERT_TRUE(work.start());
  const Result<int> result = work.take();
  ASSERT_FALSE(result.has_value());
  EXPECT_TRUE(result.error().is(Errc::bad_option));
}

TEST_F(WithTimeoutTest, MayBeDestroyedWhileItWaits) {
  {
    auto work = with_timeout(seconds(1), answer_after(seconds(2), log_));
    work.start();
  }
  EXPECT_THAT(log_, ElementsAre("~work"));
  pass(seconds(5));
}

TEST_F(WithTimeoutTest, WorkThatEndsAtTheDeadlineIsResumedOnce) {
  auto twice = [](Log& log) -> task<void> {
    const auto result = co_await with_timeout(seconds(1), answer_after(seconds(1), log));
    log.emplace_back(result ? "value" : "late");
    co_await sleep_for(seconds(1));
    log.emplace_back("end");
  };
  auto work = twice(log_);
  work.start();
  pass(seconds(1));
  pass(seconds(1));
  ASSERT_TRUE(work.done());
  ASSERT_EQ(log_.size(), 3u);
  EXPECT_EQ(log_.back(), "end");
}

TEST_F(WithTimeoutTest, TheMaximumDurationNeverExpires) {
  auto work = with_timeout(io::Duration::max(), answer_after(std::chrono::hours(1), log_));
  work.start();
  pass(std::chrono::hours(1));
  ASSERT_TRUE(work.done());
  EXPECT_EQ(work.take().value(), 42);
}

TEST_F(WithTimeoutTest, Nests) {
  auto inner = [](Log& log) -> task<Result<int>> {
    co_return co_await with_timeout(seconds(3), answer_after(seconds(9), log));
  };
  auto work = with_timeout(seconds(1), inner(log_));
  work.start();
  pass(seconds(1));
  ASSERT_TRUE(work.done());
  EXPECT_TRUE(work.take().error().is(Errc::timed_out));
  pass(seconds(9));
}

}  // namespace
}  // namespace onehop
