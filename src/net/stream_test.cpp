// SPDX-License-Identifier: Apache-2.0
#include "net/stream.hpp"

#include <onehop/task.hpp>

#include "net/memory_stream.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Waits = std::vector<Wait>;

task<void> wait_to_read(Stream& stream, Time deadline, Waits& waits) {
  const Wait wait = co_await stream.readable(deadline);
  waits.push_back(wait);
}

task<void> wait_to_write(Stream& stream, Time deadline, Waits& waits) {
  const Wait wait = co_await stream.writable(deadline);
  waits.push_back(wait);
}

// Waiting is the same for every kind of stream, so a full, silent pair represents all.
class StreamTest : public ::testing::Test {
 protected:
  StreamTest() {
    std::tie(stream_, peer_) = make_memory_pair(reactor_, 4);
    stream_->try_write("full", 4);
  }
  void pass(Duration time) {
    reactor_.set_time(reactor_.now() + time + 2 * io::TimerWheel::kTick);
    settle();
  }
  void settle() {
    while (reactor_.run_once(Duration::zero())) {
    }
  }
  Time in(Duration time) const { return reactor_.now() + time; }
  void feed() { peer_->try_write("x", 1); }
  void drain() {
    char data[4];
    peer_->try_read(data, sizeof data);
  }

  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_{reactor_};
  std::unique_ptr<MemoryStream> stream_;
  std::unique_ptr<MemoryStream> peer_;
  Waits waits_;
};

TEST_F(StreamTest, DoesNotWaitIfReady) {
  feed();
  drain();
  auto reading = wait_to_read(*stream_, io::kNever, waits_);
  auto writing = wait_to_write(*stream_, io::kNever, waits_);
  EXPECT_TRUE(reading.start());
  EXPECT_TRUE(writing.start());
  EXPECT_THAT(waits_, ElementsAre(Wait::ready, Wait::ready));
}

TEST_F(StreamTest, AWaitEndsAtItsDeadline) {
  auto reading = wait_to_read(*stream_, in(seconds(10)), waits_);
  auto writing = wait_to_write(*stream_, in(seconds(5)), waits_);
  reading.start();
  writing.start();
  pass(seconds(4));
  EXPECT_THAT(waits_, IsEmpty());
  pass(seconds(1));
  EXPECT_TRUE(writing.done());
  EXPECT_FALSE(reading.done());
  pass(seconds(5));
  EXPECT_TRUE(reading.done());
  EXPECT_THAT(waits_, ElementsAre(Wait::timed_out, Wait::timed_out));
}

TEST_F(StreamTest, ReadinessBeforeTheDeadlineWins) {
  auto reading = wait_to_read(*stream_, in(seconds(10)), waits_);
  reading.start();
  pass(seconds(9));
  feed();
  settle();
  EXPECT_THAT(waits_, ElementsAre(Wait::ready));
  pass(seconds(100));
  EXPECT_EQ(waits_.size(), 1u);
}

TEST_F(StreamTest, ALaterDeadlineOutlivesTheTimerOfAnEarlierWait) {
  auto first = wait_to_read(*stream_, in(seconds(1)), waits_);
  first.start();
  feed();
  settle();
  char byte = 0;
  stream_->try_read(&byte, 1);
  auto second = wait_to_read(*stream_, in(seconds(20)), waits_);
  second.start();
  pass(seconds(19));
  EXPECT_FALSE(second.done());
  pass(seconds(1));
  EXPECT_THAT(waits_, ElementsAre(Wait::ready, Wait::timed_out));
}

TEST_F(StreamTest, AnEarlierDeadlineMovesTheTimer) {
  auto writing = wait_to_write(*stream_, in(seconds(100)), waits_);
  writing.start();
  auto reading = wait_to_read(*stream_, in(seconds(1)), waits_);
  reading.start();
  pass(seconds(1));
  EXPECT_TRUE(reading.done());
  EXPECT_FALSE(writing.done());
}

TEST_F(StreamTest, AWaitCanBeInterrupted) {
  auto reading = wait_to_read(*stream_, io::kNever, waits_);
  auto writing = wait_to_write(*stream_, io::kNever, waits_);
  reading.start();
  writing.start();
  stream_->interrupt_reader();
  settle();
  EXPECT_TRUE(reading.done());
  EXPECT_FALSE(writing.done());
  stream_->interrupt_writer();
  settle();
  EXPECT_TRUE(writing.done());
  EXPECT_THAT(waits_, ElementsAre(Wait::interrupted, Wait::interrupted));
}

TEST_F(StreamTest, AnInterruptionWithoutAWaitHasNoEffect) {
  stream_->interrupt_reader();
  auto reading = wait_to_read(*stream_, io::kNever, waits_);
  reading.start();
  settle();
  EXPECT_FALSE(reading.done());
}

TEST_F(StreamTest, DestroyingAWaitingTaskEndsItsWait) {
  {
    auto reading = wait_to_read(*stream_, in(seconds(1)), waits_);
    reading.start();
  }
  feed();
  pass(seconds(2));
  EXPECT_THAT(waits_, IsEmpty());
}

TEST_F(StreamTest, DestroyingATaskThatIsAboutToBeResumedIsSafe) {
  auto reading = wait_to_read(*stream_, io::kNever, waits_);
  reading.start();
  feed();
  reading = task<void>();
  settle();
  EXPECT_THAT(waits_, IsEmpty());
  auto again = wait_to_read(*stream_, io::kNever, waits_);
  EXPECT_TRUE(again.start());
}

TEST_F(StreamTest, AHangUpWatchCanBeRemoved) {
  int told = 0;
  io::Wakeup watch([](void* counter) { ++*static_cast<int*>(counter); }, &told);
  stream_->watch_hangup(&watch);
  stream_->watch_hangup(nullptr);
  peer_.reset();
  settle();
  EXPECT_EQ(told, 0);
  EXPECT_TRUE(stream_->is_hung_up());
}

#ifdef NDEBUG
// The mistake costs that stream, not the process.
TEST_F(StreamTest, ASecondReaderInterruptsTheFirst) {
  auto first = wait_to_read(*stream_, io::kNever, waits_);
  auto second = wait_to_read(*stream_, io::kNever, waits_);
  first.start();
  second.start();
  pass(seconds(0));
  EXPECT_THAT(waits_, ElementsAre(Wait::interrupted));
}
#else
using StreamDeathTest = StreamTest;

TEST_F(StreamDeathTest, TwoConcurrentReadersBreakAnInvariant) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto first = wait_to_read(*stream_, io::kNever, waits_);
  auto second = wait_to_read(*stream_, io::kNever, waits_);
  first.start();
  EXPECT_DEATH(second.start(), "check failed");
}
#endif

}  // namespace
}  // namespace onehop::net
