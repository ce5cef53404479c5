// SPDX-License-Identifier: Apache-2.0
#include "wire/tunnel_relay.hpp"

#include <onehop/scope.hpp>

#include "io/file_descriptor.hpp"
#include "net/tcp_stream.hpp"
#include "support/stream_pair.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <sys/socket.h>

namespace onehop::wire {
namespace {

using namespace std::chrono_literals;
using test::FarEnd;

// A client at far_, an upstream at upstream_, and a relay between them.
class TunnelRelayTest : public test::StreamPair {
 protected:
  void start(HeldString early_of_client = {},
             HeldString early_of_upstream = {},
             std::size_t capacity = std::size_t{64} * 1024) {
    relaying_ = {};
    join(capacity);
    auto [near, far] = net::make_memory_pair(reactor_, capacity);
    upstream_ = FarEnd(std::move(far));
    tunnel_ = std::make_unique<StreamTunnel>(std::move(near), std::move(early_of_upstream));
    start_over(*tunnel_, std::move(early_of_client));
  }
  void start_over(Tunnel& tunnel, HeldString early_of_client = {}) {
    counts_ = {};
    relaying_ = relay(*near_, std::move(early_of_client), tunnel, counts_);
    relaying_.start();
    settle();
  }
  void send(FarEnd& from, std::string_view text) {
    from.send(text);
    settle();
  }
  std::string receive(FarEnd& at) {
    std::string text = at.receive();
    settle();
    return text;
  }
  std::optional<Error> error() {
    settle();
    EXPECT_TRUE(relaying_.done());
    if (!relaying_.done()) return std::nullopt;
    const Result<void> result = relaying_.take();
    if (result) return std::nullopt;
    return result.error();
  }

  FarEnd upstream_;
  std::unique_ptr<StreamTunnel> tunnel_;
  RelayState counts_;
  task<Result<void>> relaying_;
};

TEST_F(TunnelRelayTest, CarriesBytesBothWaysAndCountsThem) {
  start();
  for (const std::string text : {"a", "bc", "def"}) {
    send(far_, text);
    EXPECT_EQ(receive(upstream_), text);
    send(upstream_, text + text);
    EXPECT_EQ(receive(far_), text + text);
  }
  EXPECT_EQ(counts_.from_client.value(), 6u);
  EXPECT_EQ(counts_.to_client.value(), 12u);
  EXPECT_FALSE(relaying_.done());
}

TEST_F(TunnelRelayTest, DeliversEarlyDataFirst) {
  start("from client ", "from upstream ");
  send(far_, "more");
  send(upstream_, "more");
  EXPECT_EQ(receive(upstream_), "from client more");
  EXPECT_EQ(receive(far_), "from upstream more");
  EXPECT_EQ(counts_.from_client.value(), 16u);
  EXPECT_EQ(counts_.to_client.value(), 18u);
}

TEST_F(TunnelRelayTest, ForwardsHalfClosesAndEndsWithTheSecond) {
  for (const bool client_first : {true, false}) {
    start();
    FarEnd& first = client_first ? far_ : upstream_;
    FarEnd& second = client_first ? upstream_ : far_;
    send(first, "last words");
    first.close_write();
    settle();
    EXPECT_EQ(receive(second), "last words");
    EXPECT_EQ(second.ending(), "end");
    EXPECT_FALSE(relaying_.done());
    send(second, "answer");
    EXPECT_EQ(receive(first), "answer");
    second.close_write();
    settle();
    EXPECT_EQ(first.ending(), "end");
    EXPECT_FALSE(error());
  }
}

// The bytes arrive before the end, which has not been read yet.
TEST_F(TunnelRelayTest, EndsWhenTheReaderLeaves) {
  for (const bool client_leaves : {true, false}) {
    start();
    FarEnd& speaking = client_leaves ? upstream_ : far_;
    FarEnd& leaving = client_leaves ? far_ : upstream_;
    speaking.send("nobody will hear this");
    leaving.reset();
    const auto problem = error();
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->side(), client_leaves ? Side::client : Side::upstream);
  }
}

TEST_F(TunnelRelayTest, EndsWhenEarlyBytesAreNotRead) {
  join();
  auto [near, far] = net::make_memory_pair(reactor_);
  far.reset();
  tunnel_ = std::make_unique<StreamTunnel>(std::move(near), HeldString());
  start_over(*tunnel_, "from the client");
  const auto problem = error();
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->side(), Side::upstream);
}

TEST_F(TunnelRelayTest, MayBeSilentIndefinitely) {
  start();
  advance(24h);
  EXPECT_FALSE(relaying_.done());
  send(far_, "still here");
  EXPECT_EQ(receive(upstream_), "still here");
}

TEST_F(TunnelRelayTest, NamesTheSideThatFailed) {
  for (const Side side : {Side::client, Side::upstream}) {
    start();
    (side == Side::client ? far_ : upstream_).reset();
    const auto failed = error();
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->side(), side);
    EXPECT_EQ(failed->phase(), Phase::tunnel);
  }
}

// The other side may stay silent.
TEST_F(TunnelRelayTest, DetectsAResetAfterAHalfClose) {
  for (const Side side : {Side::client, Side::upstream}) {
    start();
    FarEnd& leaving = side == Side::client ? far_ : upstream_;
    FarEnd& silent = side == Side::client ? upstream_ : far_;
    send(leaving, "last words");
    leaving.close_write();
    advance(1h);
    EXPECT_FALSE(relaying_.done());
    leaving.reset();
    const auto failed = error();
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->side(), side);
    EXPECT_EQ(failed->phase(), Phase::tunnel);
    EXPECT_EQ(receive(silent), "last words");
    EXPECT_EQ(silent.ending(), "end");
  }
}

TEST_F(TunnelRelayTest, FailsWhenItCannotDeliver) {
  for (const Side side : {Side::client, Side::upstream}) {
    start({}, {}, 4);
    FarEnd& reader = side == Side::client ? far_ : upstream_;
    FarEnd& writer = side == Side::client ? upstream_ : far_;
    send(writer, "0123");
    send(writer, "4567");
    reader.reset();
    const auto failed = error();
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->side(), side);
  }
}

// The relay notices the reset of one side although the other does not read the bytes sent before
// it.
TEST_F(TunnelRelayTest, DetectsAResetWhileTheOtherSideDoesNotRead) {
  for (const Side side : {Side::client, Side::upstream}) {
    start({}, {}, 4);
    FarEnd& writer = side == Side::client ? far_ : upstream_;
    send(writer, "0123");
    send(writer, "4567");
    send(writer, "89");
    writer.reset();
    advance(1s);
    const auto failed = error();
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->side(), side);
  }
}

TEST_F(TunnelRelayTest, ReadsNoMoreThanTheOtherSideReads) {
  start({}, {}, 100);
  std::string sent;
  for (int i = 0; i < 50; ++i) {
    const std::string piece = std::to_string(100 + i) + " of the upstream's words; ";
    sent += piece.substr(0, upstream_.send(piece));
    settle();
  }
  EXPECT_LE(sent.size(), 400u);
  EXPECT_LE(counts_.to_client.value(), 300u);
  std::string received;
  for (std::string piece = receive(far_); !piece.empty(); piece = receive(far_))
    received += piece;
  EXPECT_EQ(received, sent);
}

TEST_F(TunnelRelayTest, OneDirectionDoesNotWaitForTheOther) {
  start({}, {}, 4);
  for (int i = 0; i < 3; ++i)
    send(upstream_, "0123");
  for (int i = 0; i < 5; ++i) {
    send(far_, "ping");
    EXPECT_EQ(receive(upstream_), "ping");
  }
}

TEST_F(TunnelRelayTest, CanBeCancelled) {
  start({}, {}, 4);
  send(far_, "0123");
  send(far_, "4567");
  relaying_ = {};
  settle();
  EXPECT_EQ(receive(upstream_), "0123");
  advance(10s);
  EXPECT_EQ(upstream_.ending(), "");
}

// --- over sockets ------------------------------------------------------------------------------

// near_socket_ and far_socket_ are the other ends of two socket pairs, which a test closes in one
// step.
class SocketRelayTest : public test::StreamPair {
 protected:
  SocketRelayTest() {
    client_ = connect(near_socket_);
    auto upstream = connect(far_socket_);
    tunnel_ = std::make_unique<StreamTunnel>(std::move(upstream), "");
    relaying_ = relay(*client_, {}, *tunnel_, counts_);
    relaying_.start();
  }
  std::unique_ptr<net::TcpStream> connect(io::FileDescriptor& other) {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    other = io::FileDescriptor(pair[1]);
    io::FileDescriptor own(pair[0]);
    return std::make_unique<net::TcpStream>(reactor_, std::move(own),
                                            net::TcpStream::Role::accepted);
  }
  // Sends until every buffer on the path is full, and returns the number of bytes.
  std::size_t fill(const io::FileDescriptor& from) {
    const std::string piece(10'000, 'x');
    std::size_t sent = 0;
    for (int full = 0; full < 2;) {
      const ssize_t some = ::send(from.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
      full = some > 0 ? 0 : full + 1;
      if (some > 0) sent += static_cast<std::size_t>(some);
      settle();
    }
    return sent;
  }
  std::size_t empty(const io::FileDescriptor& at) {
    std::string piece(10'000, '\0');
    std::size_t received = 0;
    for (int empty = 0; empty < 2;) {
      const ssize_t some = ::recv(at.get(), piece.data(), piece.size(), 0);
      empty = some > 0 ? 0 : empty + 1;
      if (some > 0) received += static_cast<std::size_t>(some);
      settle();
    }
    return received;
  }

  io::FileDescriptor near_socket_;
  io::FileDescriptor far_socket_;
  std::unique_ptr<net::TcpStream> client_;
  std::unique_ptr<StreamTunnel> tunnel_;
  RelayState counts_;
  task<Result<void>> relaying_;
};

TEST_F(SocketRelayTest, DeliversAllDataOfAnUpstreamThatHasClosed) {
  const std::size_t sent = fill(far_socket_);
  far_socket_.reset();
  advance(2s);
  EXPECT_FALSE(relaying_.done());
  EXPECT_EQ(empty(near_socket_), sent);
  near_socket_.reset();
  settle();
  ASSERT_TRUE(relaying_.done());
  EXPECT_EQ(counts_.to_client.value(), sent);
}

TEST_F(SocketRelayTest, DeliversAllDataAfterAHalfClose) {
  ::shutdown(near_socket_.get(), SHUT_WR);
  settle();
  const std::size_t sent = fill(far_socket_);
  far_socket_.reset();
  advance(2s);
  EXPECT_EQ(empty(near_socket_), sent);
  ASSERT_TRUE(relaying_.done());
  EXPECT_TRUE(relaying_.take());
}

// A closed unix socket reports its end immediately.
TEST_F(SocketRelayTest, EndsWhenOneSideHasClosedCleanly) {
  ::shutdown(near_socket_.get(), SHUT_WR);
  settle();
  EXPECT_FALSE(relaying_.done());
  near_socket_.reset();
  advance(1s);
  ASSERT_TRUE(relaying_.done());
  EXPECT_TRUE(relaying_.take());
}

// --- the tunnel alone --------------------------------------------------------------------------

class StreamTunnelTest : public TunnelRelayTest {
 protected:
  StreamTunnelTest() {
    auto [near, far] = net::make_memory_pair(reactor_, 4);
    upstream_ = FarEnd(std::move(far));
    tunnel_ = std::make_unique<StreamTunnel>(std::move(near), "early");
  }
  template <class T>
  Result<T> finish(task<Result<T>>& work) {
    settle();
    EXPECT_TRUE(work.done());
    if (!work.done()) return failure(Errc::cancelled, Side::local);
    return work.take();
  }
};

TEST_F(StreamTunnelTest, ReadsEarlyDataThenTheStreamThenItsEnd) {
  for (const std::string expected : {"early", "late", ""}) {
    auto reading = tunnel_->read();
    reading.start();
    if (expected == "late") {
      settle();
      EXPECT_FALSE(reading.done());
      upstream_.send("late");
    }
    const Result<bytes> piece = finish(reading);
    ASSERT_TRUE(piece);
    EXPECT_EQ(*piece, expected);
    if (expected == "late") upstream_.close_write();
  }
}

TEST_F(StreamTunnelTest, WritesWhatTheStreamAcceptsAndWaits) {
  const std::string text = "0123456789";
  auto writing = tunnel_->write(text);
  writing.start();
  settle();
  EXPECT_FALSE(writing.done());
  std::string received;
  for (std::string piece = receive(upstream_); !piece.empty(); piece = receive(upstream_))
    received += piece;
  EXPECT_EQ(received, text);
  EXPECT_TRUE(finish(writing));
  tunnel_->close_write();
  EXPECT_EQ(upstream_.ending(), "end");
}

TEST_F(StreamTunnelTest, FailsWithItsStream) {
  upstream_.reset();
  auto early = tunnel_->read();
  early.start();
  EXPECT_TRUE(finish(early));
  auto reading = tunnel_->read();
  reading.start();
  const Result<bytes> piece = finish(reading);
  ASSERT_FALSE(piece);
  EXPECT_EQ(piece.error().side(), Side::upstream);
  auto writing = tunnel_->write("x");
  writing.start();
  const Result<void> written = finish(writing);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().side(), Side::upstream);
}

// --- a user's tunnels --------------------------------------------------------------------------

// Returns the bytes written to it, after a second.
class SlowEcho final : public Tunnel {
 public:
  task<Result<bytes>> read() override {
    co_await sleep_for(1s);
    if (fails_reading_) co_return failure(Errc::truncated, Side::upstream);
    if (said_.empty() && closed_) co_return bytes();
    piece_ = said_.empty() ? "." : std::exchange(said_, {});
    co_return bytes(piece_);
  }
  task<Result<void>> write(bytes data) override {
    if (fails_writing_) co_return failure(Errc::closed, Side::upstream);
    said_ += data;
    co_return Result<void>();
  }
  void close_write() override { closed_ = true; }

  bool fails_reading_ = false;
  bool fails_writing_ = false;

 private:
  std::string said_;
  std::string piece_;
  bool closed_ = false;
};

TEST_F(TunnelRelayTest, RelaysAnyTunnel) {
  SlowEcho echo;
  start_over(echo, "early ");
  send(far_, "and late");
  advance(1s);
  EXPECT_EQ(receive(far_), "early and late");
  far_.close_write();
  advance(1s);
  EXPECT_EQ(far_.ending(), "end");
  EXPECT_FALSE(error());
  EXPECT_EQ(counts_.from_client.value(), 14u);
  EXPECT_EQ(counts_.to_client.value(), 14u);
}

// Accepts nothing, and sends without end.
struct Stubborn final : Tunnel {
  task<Result<bytes>> read() override {
    co_await sleep_for(1ms);
    co_return bytes("something");
  }
  task<Result<void>> write(bytes) override {
    co_await sleep_for(24h);
    co_return Result<void>();
  }
  void close_write() override {}
  task<void> flushed() override { co_await sleep_for(10s); }
  bool has_failed() const noexcept override { return failed_; }

  bool failed_ = false;
};

// Returns 64 MiB without waiting, and accepts everything.
struct Hasty final : Tunnel {
  task<Result<bytes>> read() override {
    if (given_ >= kAll) co_return bytes();
    given_ += piece_.size();
    co_return bytes(piece_);
  }
  task<Result<void>> write(bytes) override { co_return Result<void>(); }
  void close_write() override {}

  static constexpr std::size_t kAll = std::size_t{64} * 1024 * 1024;
  std::size_t given_ = 0;

 private:
  const std::string piece_ = std::string(64 * 1024, 'x');
};

// Accepts everything without waiting.
struct Sink final : RelayedTunnel {
  task<Result<bytes>> read() override {
    co_await sleep_for(24h);
    co_return bytes();
  }
  task<Result<void>> write(bytes) override { co_return Result<void>(); }
  void close_write() override {}
};

// Regression: nothing else ran on the worker until the tunnel had no data.
TEST_F(TunnelRelayTest, YieldsWhileATunnelIsAlwaysReady) {
  Hasty far;
  Sink client;
  struct Other : io::Wakeup {
    explicit Other(const Hasty& h) : Wakeup(&Other::run, this), hasty(h) {}
    static void run(void* self) {
      static_cast<Other*>(self)->seen = static_cast<Other*>(self)->hasty.given_;
    }
    const Hasty& hasty;
    std::size_t seen = Hasty::kAll;
  } other(far);
  reactor_.schedule(other);
  auto relaying = relay(client, far, reactor_, counts_);
  relaying.start();
  settle();
  EXPECT_LT(other.seen, Hasty::kAll / 4);
  EXPECT_EQ(far.given_, Hasty::kAll);
}

TEST_F(TunnelRelayTest, DetectsAResetWhileTheTunnelDoesNotAcceptData) {
  for (const bool behind_a_half_close : {false, true}) {
    Stubborn far;
    relaying_ = {};
    join();
    start_over(far);
    if (behind_a_half_close) {
      far_.close_write();
    } else {
      send(far_, "in vain");
    }
    advance(1s);
    EXPECT_FALSE(relaying_.done());
    far_.reset();
    const auto failed = error();
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->side(), Side::client);
  }
}

TEST_F(TunnelRelayTest, DetectsAFailureWhileTheClientDoesNotRead) {
  Stubborn far;
  join(4);
  start_over(far);
  advance(10s);
  EXPECT_FALSE(relaying_.done());
  far.failed_ = true;
  advance(1s);
  const auto failed = error();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->side(), Side::upstream);
  EXPECT_EQ(failed->phase(), Phase::tunnel);
}

TEST_F(TunnelRelayTest, WaitsUntilATunnelIsFlushed) {
  struct Silent final : Tunnel {
    task<Result<bytes>> read() override { co_return bytes(); }
    task<Result<void>> write(bytes) override { co_return Result<void>(); }
    void close_write() override {}
    task<void> flushed() override { co_await sleep_for(10s); }
  } far;
  start_over(far);
  far_.close_write();
  advance(9s);
  EXPECT_FALSE(relaying_.done());
  advance(2s);
  EXPECT_FALSE(error());
}

TEST_F(TunnelRelayTest, FailsWithItsTunnel) {
  SlowEcho deaf;
  deaf.fails_writing_ = true;
  start_over(deaf);
  send(far_, "x");
  auto failed = error();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->side(), Side::upstream);

  SlowEcho mute;
  mute.fails_reading_ = true;
  relaying_ = {};
  join();
  start_over(mute);
  advance(1s);
  failed = error();
  ASSERT_TRUE(failed);
  EXPECT_TRUE(failed->is(Errc::truncated));

  SlowEcho echo;
  relaying_ = {};
  join();
  start_over(echo);
  far_.reset();
  failed = error();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->side(), Side::client);
}

}  // namespace
}  // namespace onehop::wire
