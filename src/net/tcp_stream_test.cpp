// SPDX-License-Identifier: Apache-2.0
#include "net/tcp_stream.hpp"

#include <onehop/task.hpp>

#include "net/address.hpp"
#include "net/tcp_listener.hpp"
#include "support/run_task.hpp"

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace onehop::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A stream whose other end is a plain blocking socket.
class TcpStreamTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (GetParam() == AF_UNIX) {
      int pair[2];
      ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
      peer_ = io::FileDescriptor(pair[0]);
      io::FileDescriptor own(pair[1]);
      ::fcntl(own.get(), F_SETFL, O_NONBLOCK);
      make_stream(std::move(own));
      return;
    }
    auto listener = TcpListener::open(*Address::from_ip("127.0.0.1", 0), {});
    ASSERT_TRUE(listener) << listener.error().to_string();
    peer_ = io::FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Address& address = listener->address();
    ASSERT_EQ(::connect(peer_.get(), address.data(), address.size()), 0);
    auto accepted = listener->accept();
    while (!accepted)
      accepted = listener->accept();
    make_stream(std::move(accepted->socket));
  }
  void make_stream(io::FileDescriptor socket) {
    stream_ = std::make_unique<TcpStream>(reactor_, std::move(socket), TcpStream::Role::accepted);
  }

  static task<std::string> read_once(Stream& stream, Duration longest) {
    char data[100];
    for (;;) {
      const IoResult got = stream.try_read(data, sizeof data);
      if (got.error() == 0) co_return std::string(data, got.count());
      if (!got.is_wait()) co_return "errno " + std::to_string(got.error());
      const Time deadline = stream.reactor().now() + longest;
      const Wait wait = co_await stream.readable(deadline);
      if (wait == Wait::timed_out) co_return "timed out";
    }
  }
  std::string read(Duration longest = seconds(30)) {
    return run_task(reactor_, read_once(*stream_, longest));
  }
  void send(const std::string& text) {
    ASSERT_EQ(::send(peer_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  std::string receive() {
    char data[100];
    const ssize_t got = ::recv(peer_.get(), data, sizeof data, 0);
    if (got < 0) return "errno " + std::to_string(errno);
    return std::string(data, static_cast<std::size_t>(got));
  }
  bool is_tcp() const { return GetParam() == AF_INET; }

  io::Reactor reactor_;
  io::Reactor::Enter enter_{reactor_};
  io::FileDescriptor peer_;
  std::unique_ptr<TcpStream> stream_;
};

INSTANTIATE_TEST_SUITE_P(Sockets,
                         TcpStreamTest,
                         ::testing::Values(AF_INET, AF_UNIX),
                         [](const auto& kind) { return kind.param == AF_INET ? "tcp" : "unix"; });

TEST_P(TcpStreamTest, ReadsAvailableDataAndWaitsForMore) {
  send("one");
  EXPECT_EQ(read(), "one");
  EXPECT_EQ(read(milliseconds(20)), "timed out");
  send("two");
  EXPECT_EQ(read(), "two");
}

// The reactor does not poll for events here, as if the process had been suspended.
TEST_P(TcpStreamTest, ChecksOnceForDataAtADeadline) {
  io::Reactor reactor(io::Reactor::Clock::manual);
  TcpStream stream(reactor, stream_->release(), TcpStream::Role::accepted);
  const io::Reactor::Enter enter(reactor);
  char data[100];
  ASSERT_EQ(stream.try_read(data, sizeof data), IoResult::must_wait());
  const Time deadline = reactor.now() + seconds(10);
  std::vector<Wait> waits;
  const auto wait_to_read = [](Stream& from, Time until, std::vector<Wait>& to) -> task<void> {
    const Wait wait = co_await from.readable(until);
    to.push_back(wait);
  };
  task<void> first = wait_to_read(stream, deadline, waits);
  EXPECT_FALSE(first.start());
  send("in time");
  reactor.set_time(deadline + seconds(10));
  reactor.run_once(Duration::zero());
  EXPECT_EQ(waits, std::vector{Wait::ready});
  EXPECT_EQ(stream.try_read(data, sizeof data), 7);

  task<void> second = wait_to_read(stream, deadline, waits);
  EXPECT_FALSE(second.start());
  send("too late");
  reactor.set_time(reactor.now() + seconds(1));
  reactor.run_once(Duration::zero());
  EXPECT_EQ(waits, (std::vector{Wait::ready, Wait::timed_out}));
  EXPECT_EQ(stream.try_read(data, sizeof data), 8);
  EXPECT_EQ(stream.try_read(data, sizeof data), IoResult::must_wait());

  const Time later = reactor.now() + seconds(10);
  task<void> third = wait_to_read(stream, later, waits);
  EXPECT_FALSE(third.start());
  send("for the next");
  reactor.set_time(later);
  reactor.run_once(Duration::zero());
  EXPECT_EQ(waits.back(), Wait::ready) << "of each deadline once";

  task<void> other = wait_to_read(stream, reactor.now() + seconds(10), waits);
  EXPECT_TRUE(other.start()) << "the event has told of it meanwhile";
}

TEST_P(TcpStreamTest, ManyMessagesArriveThroughOneRegistration) {
  for (int i = 0; i < 100; ++i) {
    const std::string text = "message " + std::to_string(i);
    send(text);
    EXPECT_EQ(read(), text);
  }
}

TEST_P(TcpStreamTest, AReadThatFillsItsBufferIsFollowedByAnother) {
  send(std::string(250, 'x'));
  EXPECT_EQ(read().size(), 100u);
  EXPECT_EQ(read().size(), 100u);
  EXPECT_EQ(read().size(), 50u);
  EXPECT_EQ(read(milliseconds(20)), "timed out");
}

TEST_P(TcpStreamTest, WritesPartsInOrder) {
  char head[] = "head ";
  char body[] = "body";
  const iovec parts[] = {{head, 5}, {body, 4}};
  EXPECT_EQ(stream_->try_write(parts, 2), 9);
  EXPECT_EQ(receive(), "head body");
  EXPECT_EQ(stream_->try_write("x", 1), 1);
  EXPECT_EQ(receive(), "x");
}

task<std::size_t> write_all(Stream& stream, std::size_t size) {
  const std::string data(64 * 1024, 'x');
  std::size_t sent = 0;
  while (sent < size) {
    const IoResult wrote = stream.try_write(data.data(), std::min(data.size(), size - sent));
    sent += wrote.count();
    if (wrote.has_bytes()) continue;
    if (!wrote.is_wait()) co_return sent;
    co_await stream.writable(io::kNever);
  }
  co_return sent;
}

TEST_P(TcpStreamTest, WritesMoreThanTheSocketHolds) {
  constexpr std::size_t kSize = 16 << 20;
  const io::Reactor::Enter enter(reactor_);
  auto writing = write_all(*stream_, kSize);
  EXPECT_FALSE(writing.start()) << "it must have waited";
  ::fcntl(peer_.get(), F_SETFL, O_NONBLOCK);
  std::size_t received = 0;
  std::string data(64 * 1024, '\0');
  while (received < kSize) {
    const ssize_t got = ::recv(peer_.get(), data.data(), data.size(), 0);
    if (got > 0) received += static_cast<std::size_t>(got);
    ASSERT_TRUE(got > 0 || errno == EAGAIN);
    reactor_.run_once(got > 0 ? Duration::zero() : milliseconds(1));
  }
  while (!writing.done())
    reactor_.run_once(milliseconds(10));
  EXPECT_EQ(writing.take(), kSize);
}

TEST_P(TcpStreamTest, AHalfCloseByThePeerIsAnEndAfterTheLastBytes) {
  send("last");
  ::shutdown(peer_.get(), SHUT_WR);
  EXPECT_EQ(read(), "last");
  EXPECT_EQ(read(), "");
  EXPECT_EQ(stream_->try_write("reply", 5), 5);
  EXPECT_EQ(receive(), "reply");
}

TEST_P(TcpStreamTest, CloseWriteIsAnEndForThePeer) {
  stream_->close_write();
  EXPECT_EQ(receive(), "");
  send("still");
  EXPECT_EQ(read(), "still");
  EXPECT_EQ(stream_->try_write("x", 1), IoResult::failed(EPIPE));
}

TEST_P(TcpStreamTest, AbortIsAResetForATcpPeer) {
  stream_->abort();
  stream_.reset();
  EXPECT_EQ(receive(), is_tcp() ? "errno " + std::to_string(ECONNRESET) : "");
}

TEST_P(TcpStreamTest, AResetByThePeerIsAnError) {
  const io::Reactor::Enter enter(reactor_);
  auto reading = read_once(*stream_, seconds(30));
  EXPECT_FALSE(reading.start());
  stream_->try_write("never read", 10);
  peer_.reset();  // with unread bytes: a reset
  while (!reading.done())
    reactor_.run_once(milliseconds(10));
  EXPECT_EQ(reading.take(), "errno " + std::to_string(ECONNRESET));
  EXPECT_TRUE(stream_->is_hung_up());
  EXPECT_TRUE(stream_->has_failed());
}

TEST_P(TcpStreamTest, DetectsThatThePeerHasLeftWithoutReading) {
  bool told = false;
  io::Wakeup watch([](void* flag) { *static_cast<bool*>(flag) = true; }, &told);
  stream_->watch_hangup(&watch);
  EXPECT_FALSE(stream_->is_hung_up());
  peer_.reset();
  while (!told)
    reactor_.run_once(milliseconds(10));
  EXPECT_TRUE(stream_->is_hung_up());
  EXPECT_FALSE(stream_->has_failed());
}

TEST_P(TcpStreamTest, KnowsWhetherDataIsUnread) {
  EXPECT_FALSE(stream_->has_unread());
  send("x");
  EXPECT_EQ(read(), "x");
  EXPECT_FALSE(stream_->has_unread());
  send("y");
  while (!stream_->has_unread())
    reactor_.run_once(milliseconds(10));
  EXPECT_EQ(read(), "y");
  EXPECT_FALSE(stream_->has_unread());
}

// Between fork and exec, a child process has a copy of every socket, so closing ours does not end
// its registration. Regression: the event loop notified the object that had taken the stream's
// place in memory.
TEST_P(TcpStreamTest, ADestroyedStreamGetsNoEventsEvenIfAChildHasItsSocket) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
  const io::FileDescriptor other_peer(pair[0]);
  io::FileDescriptor other(pair[1]);
  std::optional<TcpStream> place;
  io::FileDescriptor own(::dup(stream_->plain_descriptor()));  // one copy stays in stream_
  io::Wakeup reader;
  for (io::FileDescriptor* const socket : {&own, &other}) {
    place.emplace(reactor_, std::move(*socket), TcpStream::Role::connected);
    place->watch_readable(&reader);  // registers the socket
    place->watch_readable(nullptr);
    reactor_.run_once(Duration::zero());
  }
  peer_.reset();
  for (int i = 0; i < 10; ++i)
    reactor_.run_once(milliseconds(1));
  EXPECT_FALSE(place->is_hung_up());
}

// The kernel refuses to watch a socket twice, as it refuses any socket when memory is exhausted.
class UnwatchedStreamTest : public TcpStreamTest {
 protected:
  void SetUp() override {
    TcpStreamTest::SetUp();
    ASSERT_TRUE(reactor_.add(stream_->plain_descriptor(), nobody_, 0));
  }
  static std::string refused() { return "errno " + std::to_string(EEXIST); }

  struct Nobody final : io::Watcher {
    void on_events(std::uint32_t) noexcept override {}
  } nobody_;
};

INSTANTIATE_TEST_SUITE_P(Sockets,
                         UnwatchedStreamTest,
                         ::testing::Values(AF_INET, AF_UNIX),
                         [](const auto& kind) { return kind.param == AF_INET ? "tcp" : "unix"; });

// Regression: each wait ended immediately, which kept the thread busy as long as nothing arrived.
TEST_P(UnwatchedStreamTest, FailsOnTheFirstWait) {
  EXPECT_EQ(read(milliseconds(100)), refused());
  EXPECT_EQ(stream_->try_write("x", 1), IoResult::failed(EEXIST));
  send("x");
  EXPECT_EQ(read(), refused());
  const Error error = stream_->error_of(EEXIST, Side::upstream);
  EXPECT_EQ(error.detail(), "the kernel refuses to watch more descriptors");
}

TEST_P(UnwatchedStreamTest, IsBrokenForTheIdlePool) {
  bool disturbed = false;
  io::Wakeup wakeup([](void* told) { *static_cast<bool*>(told) = true; }, &disturbed);
  EXPECT_EQ(read(milliseconds(0)), refused());
  stream_->watch_readable(&wakeup);
  EXPECT_TRUE(stream_->has_unread());
  EXPECT_TRUE(stream_->has_unread_now());
  EXPECT_TRUE(stream_->is_broken());
}

TEST_P(UnwatchedStreamTest, ReportsAHangUpAtOnce) {
  bool left = false;
  io::Wakeup wakeup([](void* told) { *static_cast<bool*>(told) = true; }, &left);
  stream_->watch_hangup(&wakeup);
  while (!left)
    reactor_.run_once(seconds(30));
  EXPECT_TRUE(stream_->has_failed());
  stream_->watch_hangup(nullptr);
}

TEST_P(TcpStreamTest, AReleasedSocketWorksInAnotherReactor) {
  send("x");
  EXPECT_EQ(read(), "x");
  EXPECT_EQ(read(milliseconds(10)), "timed out");  // registered by now
  io::FileDescriptor socket = stream_->release();
  ASSERT_TRUE(socket);
  io::Reactor other;
  TcpStream successor(other, std::move(socket), TcpStream::Role::accepted);
  send("y");
  EXPECT_EQ(run_task(other, read_once(successor, seconds(30))), "y");
}

}  // namespace
}  // namespace onehop::net
