// SPDX-License-Identifier: Apache-2.0
//
// A slow reader must not be mistaken for a peer that reads nothing. The kernel reports a socket
// writable only once a large part of its buffer is free, which can take longer than any timeout.
// Bytes that were lost make every later write fail.
#include "net/stream.hpp"
#include "support/failing_allocation.hpp"
#include "support/stream_pair.hpp"
#include "wire/stream_writer.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace onehop::wire {
namespace {

using namespace std::chrono_literals;

// A stream that accepts `room_` more bytes and is never writable, although its peer may read.
class FullStream final : public net::Stream {
 public:
  explicit FullStream(io::Reactor& reactor) : Stream(reactor) {}

  using Stream::try_write;
  net::IoResult try_read(char*, std::size_t) override { return net::IoResult::must_wait(); }
  net::IoResult try_write(const iovec* parts, int) override {
    const std::size_t taken = std::min(room_, parts[0].iov_len);
    room_ -= taken;
    return taken > 0 ? net::IoResult(taken) : net::IoResult::must_wait();
  }
  void close_write() noexcept override {}
  void abort() noexcept override { is_aborted_ = true; }
  bool has_unread() override { return false; }
  std::size_t unacknowledged() const noexcept override { return unacknowledged_; }

  std::size_t unacknowledged_ = 100;
  std::size_t room_ = 0;
  bool is_aborted_ = false;

 protected:
  bool is_readable() const noexcept override { return false; }
  bool is_writable() const noexcept override { return false; }
};

class StreamWriterProgress : public test::StreamPair {
 protected:
  void start() {
    EXPECT_TRUE(output_.write("abc"));
    work_ = output_.drain(10s);
    work_.start();
  }
  bool has_timed_out() {
    if (!work_.done()) return false;
    const Result<void> result = work_.take();
    return !result && result.error().is(Errc::timed_out) && result.error().side() == Side::client;
  }

  FullStream stream_{reactor_};
  StreamWriter output_{stream_, Side::client};
  task<Result<void>> work_;
};

TEST_F(StreamWriterProgress, ProgressExtendsTheTimeout) {
  start();
  advance(5s);
  stream_.unacknowledged_ = 90;
  advance(5s);
  EXPECT_FALSE(work_.done()) << "the peer has taken ten bytes";
  advance(9s);
  EXPECT_FALSE(work_.done());
  advance(1s);
  EXPECT_TRUE(has_timed_out()) << "and nothing since";
}

TEST_F(StreamWriterProgress, ASlowPeerDoesNotTimeOut) {
  start();
  while (stream_.unacknowledged_ > 0) {
    advance(9s);
    --stream_.unacknowledged_;
    ASSERT_FALSE(work_.done()) << stream_.unacknowledged_;
  }
  advance(20s);
  EXPECT_TRUE(has_timed_out());
}

TEST_F(StreamWriterProgress, TimesOutWithoutProgress) {
  start();
  advance(9s);
  EXPECT_FALSE(work_.done());
  advance(1s);
  EXPECT_TRUE(has_timed_out());
}

// --- without memory ----------------------------------------------------------------------------

class StreamWriterWithoutMemory : public StreamWriterProgress {
 protected:
  void SetUp() override {
    if (!FailingAllocation::is_possible()) GTEST_SKIP() << "operator new is a sanitizer's";
  }
  Result<void> write_without_memory() {
    const std::string data(5000, 'x');
    const FailingAllocation failing(0);
    return output_.write(data);
  }
  void expect_end() {
    EXPECT_TRUE(stream_.is_aborted_);
    EXPECT_FALSE(output_.has_pending());
    stream_.room_ = 10;
    EXPECT_FALSE(output_.write("later"));
    EXPECT_EQ(stream_.room_, 10u) << "no byte follows those that are lost";
    work_ = output_.drain(10s);
    work_.start();
    ASSERT_TRUE(work_.done());
    EXPECT_FALSE(work_.take());
  }
};

TEST_F(StreamWriterWithoutMemory, ARestThatCannotBeKeptEndsTheStream) {
  stream_.room_ = 3;
  const Result<void> written = write_without_memory();
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().is(Errc::overloaded));
  EXPECT_EQ(written.error().side(), Side::local);
  expect_end();
}

TEST_F(StreamWriterWithoutMemory, MoreThatCannotBeKeptEndsTheStream) {
  EXPECT_TRUE(output_.write("waits"));
  EXPECT_FALSE(write_without_memory());
  expect_end();
}

}  // namespace
}  // namespace onehop::wire
