// SPDX-License-Identifier: Apache-2.0
#include "net/memory_stream.hpp"

#include <onehop/task.hpp>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::net {
namespace {

class MemoryStreamTest : public ::testing::Test {
 protected:
  void join(std::size_t capacity) {
    std::tie(left_, right_) = make_memory_pair(reactor_, capacity);
  }
  void settle() {
    while (reactor_.run_once(Duration::zero())) {
    }
  }
  static IoResult write(MemoryStream& stream, std::string_view text) {
    return stream.try_write(text.data(), text.size());
  }
  // Describes one read: its bytes, "end", or an errno in words.
  static std::string read(MemoryStream& stream) {
    char data[100];
    const IoResult got = stream.try_read(data, sizeof data);
    if (got.is_end()) return "end";
    if (got.is_wait()) return "wait";
    if (got.error() == ECONNRESET) return "reset";
    return got.has_failed() ? "error" : std::string(data, got.count());
  }

  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_{reactor_};
  std::unique_ptr<MemoryStream> left_;
  std::unique_ptr<MemoryStream> right_;
};

TEST_F(MemoryStreamTest, CarriesBytesBothWays) {
  join(100);
  EXPECT_EQ(read(*right_), "wait");
  EXPECT_FALSE(right_->has_unread());
  EXPECT_EQ(write(*left_, "ping"), 4);
  EXPECT_TRUE(right_->has_unread());
  EXPECT_EQ(write(*right_, "pong"), 4);
  EXPECT_EQ(read(*right_), "ping");
  EXPECT_EQ(read(*left_), "pong");
  EXPECT_EQ(read(*left_), "wait");
}

TEST_F(MemoryStreamTest, GathersParts) {
  join(100);
  char head[] = "head ";
  char body[] = "body";
  const iovec parts[] = {{head, 5}, {body, 0}, {body, 4}};
  EXPECT_EQ(left_->try_write(parts, 3), 9);
  EXPECT_EQ(read(*right_), "head body");
}

TEST_F(MemoryStreamTest, TakesNoMoreThanItsCapacity) {
  join(5);
  EXPECT_EQ(write(*left_, "1234567"), 5);
  EXPECT_EQ(write(*left_, "67"), IoResult::must_wait());
  EXPECT_EQ(read(*right_), "12345");
  EXPECT_EQ(write(*left_, "67"), 2);
  EXPECT_EQ(read(*right_), "67");
}

TEST_F(MemoryStreamTest, CanLimitTheBytesPerCall) {
  join(100);
  left_->set_max_write(3);
  right_->set_max_read(2);
  EXPECT_EQ(write(*left_, "12345"), 3);
  EXPECT_EQ(write(*left_, "45"), 2);
  EXPECT_EQ(read(*right_), "12");
  EXPECT_EQ(read(*right_), "34");
  EXPECT_EQ(read(*right_), "5");
}

TEST_F(MemoryStreamTest, HalfCloseKeepsTheOtherDirectionOpen) {
  join(100);
  write(*left_, "last");
  left_->close_write();
  EXPECT_TRUE(right_->is_hung_up());
  EXPECT_FALSE(left_->is_hung_up());
  EXPECT_EQ(write(*left_, "x"), IoResult::failed(EPIPE));
  EXPECT_EQ(read(*right_), "last");
  EXPECT_EQ(read(*right_), "end");
  EXPECT_EQ(read(*right_), "end");
  EXPECT_EQ(write(*right_, "reply"), 5);
  EXPECT_EQ(read(*left_), "reply");
  EXPECT_EQ(read(*left_), "wait");
}

TEST_F(MemoryStreamTest, DestructionIsAnEndOfStreamForThePeer) {
  join(100);
  write(*left_, "last");
  left_.reset();
  EXPECT_TRUE(right_->is_hung_up());
  EXPECT_EQ(write(*right_, "x"), IoResult::failed(EPIPE));
  EXPECT_EQ(read(*right_), "last");
  EXPECT_EQ(read(*right_), "end");
}

TEST_F(MemoryStreamTest, AbortTurnsDestructionIntoAReset) {
  join(100);
  left_->abort();
  EXPECT_EQ(read(*right_), "wait");
  left_.reset();
  EXPECT_EQ(read(*right_), "reset");
  EXPECT_EQ(write(*right_, "x"), IoResult::failed(EPIPE));
}

TEST_F(MemoryStreamTest, UnreadBytesTurnDestructionIntoAReset) {
  join(100);
  write(*right_, "never read");
  left_.reset();
  EXPECT_EQ(read(*right_), "reset");
}

task<std::string> read_when_ready(MemoryStream& stream, Time deadline) {
  const Wait wait = co_await stream.readable(deadline);
  if (wait == Wait::timed_out) co_return "timed out";
  if (wait == Wait::interrupted) co_return "interrupted";
  char data[100];
  const IoResult got = stream.try_read(data, sizeof data);
  if (got.error() != 0) co_return "error";
  co_return std::string(data, got.count());
}

task<IoResult> write_when_ready(MemoryStream& stream, std::string text) {
  co_await stream.writable(io::kNever);
  co_return stream.try_write(text.data(), text.size());
}

TEST_F(MemoryStreamTest, AWriteWakesTheReader) {
  join(100);
  auto work = read_when_ready(*right_, io::kNever);
  EXPECT_FALSE(work.start());
  settle();
  EXPECT_FALSE(work.done());
  write(*left_, "hello");
  settle();
  ASSERT_TRUE(work.done());
  EXPECT_EQ(work.take(), "hello");
}

TEST_F(MemoryStreamTest, AReadWakesTheWriterOfAFullPipe) {
  join(4);
  write(*left_, "full");
  auto work = write_when_ready(*left_, "more");
  EXPECT_FALSE(work.start());
  settle();
  EXPECT_FALSE(work.done());
  EXPECT_EQ(read(*right_), "full");
  settle();
  ASSERT_TRUE(work.done());
  EXPECT_EQ(work.take(), 4);
}

TEST_F(MemoryStreamTest, DestroyingOneEndWakesReaderAndWriterOfTheOther) {
  join(4);
  write(*left_, "full");
  auto reading = read_when_ready(*left_, io::kNever);
  auto writing = write_when_ready(*left_, "more");
  EXPECT_FALSE(reading.start());
  EXPECT_FALSE(writing.start());
  right_.reset();
  settle();
  ASSERT_TRUE(reading.done());
  EXPECT_EQ(reading.take(), "error");
  ASSERT_TRUE(writing.done());
  EXPECT_EQ(writing.take(), IoResult::failed(EPIPE));
}

TEST_F(MemoryStreamTest, NotifiesOfAHangUpOnceAndAlsoALateWatch) {
  join(100);
  int told = 0;
  const auto count = [](void* counter) { ++*static_cast<int*>(counter); };
  io::Wakeup early(count, &told);
  right_->watch_hangup(&early);
  left_->close_write();
  settle();
  EXPECT_EQ(told, 1);
  left_.reset();
  settle();
  EXPECT_EQ(told, 1);
  io::Wakeup late(count, &told);
  right_->watch_hangup(&late);
  settle();
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace onehop::net
