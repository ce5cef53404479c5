// SPDX-License-Identifier: Apache-2.0
#include <onehop/event.hpp>

#include <onehop/scope.hpp>

#include "io/reactor.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EventTest : public ::testing::Test {
 protected:
  void pass(io::Duration time) {
    reactor_.set_time(reactor_.now() + time + 2 * io::TimerWheel::kTick);
    settle();
  }
  void settle() {
    while (reactor_.run_once(io::Duration::zero())) {
    }
  }
  task<void> wait(std::string name) {
    auto waiting = event_->wait();
    co_await std::move(waiting);
    log_.push_back(std::move(name));
  }
  task<void> wait_for(milliseconds duration) {
    auto waiting = event_->wait_for(duration);
    const bool was_set = co_await std::move(waiting);
    log_.push_back(was_set ? "set" : "timed out");
  }

  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_{reactor_};
  std::optional<Event> event_{std::in_place};
  std::vector<std::string> log_;
};

TEST_F(EventTest, WakesEveryWaiterInOrder) {
  Scope scope;
  scope.spawn(wait("a"));
  scope.spawn(wait("b"));
  settle();
  EXPECT_THAT(log_, IsEmpty());
  event_->set();
  EXPECT_THAT(log_, IsEmpty());  // not inside set()
  settle();
  EXPECT_THAT(log_, ElementsAre("a", "b"));
}

TEST_F(EventTest, StaysSetUntilReset) {
  event_->set();
  EXPECT_TRUE(event_->is_set());
  Scope scope;
  scope.spawn(wait("at once"));
  EXPECT_THAT(log_, ElementsAre("at once"));
  event_->reset();
  EXPECT_FALSE(event_->is_set());
  scope.spawn(wait("later"));
  settle();
  EXPECT_THAT(log_, ElementsAre("at once"));
}

TEST_F(EventTest, AWaitThatWasWokenIgnoresALaterReset) {
  Scope scope;
  scope.spawn(wait_for(milliseconds(10)));
  event_->set();
  event_->reset();
  pass(milliseconds(20));
  EXPECT_THAT(log_, ElementsAre("set"));
}

TEST_F(EventTest, WaitForEndsAtItsDeadline) {
  Scope scope;
  scope.spawn(wait_for(milliseconds(10)));
  pass(milliseconds(5));
  EXPECT_THAT(log_, IsEmpty());
  pass(milliseconds(10));
  EXPECT_THAT(log_, ElementsAre("timed out"));
}

TEST_F(EventTest, AWaiterMayBeDestroyed) {
  {
    Scope scope;
    scope.spawn(wait("never"));
  }
  event_->set();
  settle();
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(EventTest, MayBeDestroyedBeforeItsWaiter) {
  Scope scope;
  scope.spawn(wait("never"));
  event_.reset();
  settle();
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(EventTest, SettingItOnAnotherThreadEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(std::thread([&] { event_->set(); }).join(),
               "not its worker's(.|\n)*offload(.|\n)*Completion(.|\n)*Event(.|\n)*post");
}

}  // namespace
}  // namespace onehop
