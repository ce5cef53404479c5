// SPDX-License-Identifier: Apache-2.0
#include "server/linger.hpp"

#include "io/event.hpp"
#include "io/yield.hpp"

#include <algorithm>
#include <cerrno>
#include <span>

namespace onehop::server {
namespace {

constexpr net::Duration kSilenceOfDrain = std::chrono::seconds(1);
constexpr net::Duration kLongestOfDrain = std::chrono::seconds(2);
constexpr std::size_t kBytesPerTurn = 1024 * 1024;

// How long one connection may linger. A stop does not wait for a client that continues to send,
// however slowly.
class Patience {
 public:
  Patience(const io::Reactor& reactor, LingerLimits limits, const DrainState& drain) noexcept
      : reactor_(reactor), limits_(limits), drain_(drain), began_(reactor.now()), heard_(began_) {}

  void on_client_sent() noexcept { heard_ = reactor_.now(); }

  net::Time end() const noexcept {
    const net::Time last = io::deadline_after(began_, limits_.longest);
    if (!drain_.is_on()) return last;
    return std::min(last, std::max(began_, drain_.began) + kLongestOfDrain);
  }
  bool is_over() const noexcept { return reactor_.now() >= end(); }
  // Returns the deadline of one wait. An interruption does not mean that the client sent something.
  net::Time deadline() const noexcept {
    const net::Time last = std::min(end(), io::deadline_after(heard_, limits_.silence));
    if (!drain_.is_on()) return last;
    return std::min(last, std::max(heard_, drain_.began) + kSilenceOfDrain);
  }

 private:
  const io::Reactor& reactor_;
  LingerLimits limits_;
  const DrainState& drain_;
  net::Time began_;
  net::Time heard_;  // when the client last sent something
};

class Unwatch {
 public:
  explicit Unwatch(net::Stream& stream) noexcept : stream_(stream) {}
  Unwatch(const Unwatch&) = delete;
  Unwatch& operator=(const Unwatch&) = delete;
  ~Unwatch() { stream_.watch_hangup(nullptr); }

 private:
  net::Stream& stream_;
};

// Returns when the client has left altogether, or when the time is over.
task<void> until_broken(net::Stream& stream, const Patience& patience) {
  io::Reactor& reactor = stream.reactor();
  io::Event left(reactor);
  io::Wakeup broken([](void* event) { static_cast<io::Event*>(event)->set(); }, &left);
  stream.watch_hangup(&broken, net::Stream::Hangup::broken);
  const Unwatch unwatch(stream);
  bool is_over = false;
  while (!is_over && !patience.is_over()) {
    // Looks every second whether a drain has begun.
    const net::Time next = io::deadline_after(reactor.now(), kSilenceOfDrain);
    is_over = co_await left.wait(std::min(next, patience.end()));
  }
}

}  // namespace

task<void> linger(net::Stream& stream, LingerLimits limits, const DrainState& drain) {
  stream.close_write();
  io::Reactor& reactor = stream.reactor();
  Patience patience(reactor, limits, drain);
  std::size_t dropped = 0;
  std::size_t turn = 0;
  while (dropped < limits.bytes) {
    if (patience.is_over()) co_return;
    const std::span<char> scratch = reactor.scratch();
    const net::IoResult got = stream.try_read(scratch.data(), scratch.size());
    if (got.has_bytes()) {
      patience.on_client_sent();
      dropped += got.count();
      turn += got.count();
      if (turn < kBytesPerTurn) continue;
      turn = 0;
      co_await io::yield(reactor);
      continue;
    }
    if (!got.is_wait()) co_return;
    const auto wait = co_await stream.readable(patience.deadline());
    if (wait == net::Wait::timed_out) co_return;
  }
  co_await until_broken(stream, patience);
}

}  // namespace onehop::server
