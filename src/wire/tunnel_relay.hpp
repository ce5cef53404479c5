// SPDX-License-Identifier: Apache-2.0
//
// The relay of two tunnels, after a 101: the client's end, which is one of this floor's, and the
// far end, which is an upgraded connection of the transport or a user's own. Each end goes through
// the same life:
//
//   open         read() and write()
//   half-closed  read() has returned the peer's end; or close_write() has sent ours
//   flushed      after close_write(): flushed() has returned, so nothing is lost if it ends
//   gone         after the peer's end: gone() has returned, so nothing reaches the peer any more
//
// A relay ends when both ends are half-closed and flushed, when the far end is gone, when either
// fails, or when its owner ends it. An idle tunnel holds no buffer. Thread: owner.
#pragma once

#include <onehop/response.hpp>

#include "base/counter.hpp"
#include "io/event.hpp"
#include "net/stream.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace onehop::wire {

// While one side does not read, the other is checked for failure this often.
inline constexpr net::Duration kTunnelLivenessCheck = std::chrono::milliseconds(500);

// The maximum read of a tunnel at once, and so the maximum kept of each direction.
std::size_t tunnel_piece() noexcept;

// A tunnel that can report what a slow peer takes of one piece.
class RelayedTunnel : public Tunnel {
 public:
  // `time` is set to the current time whenever the peer takes something; null: no report.
  void report_activity_to(net::Time* time) noexcept { activity_ = time; }

 protected:
  void on_activity(net::Time now) noexcept {
    if (activity_) *activity_ = now;
  }

 private:
  net::Time* activity_ = nullptr;
};

// A byte stream as a tunnel.
class StreamTunnel : public RelayedTunnel {
 public:
  // An upstream's. `early`: what it sent after its 101.
  StreamTunnel(std::unique_ptr<net::Stream> stream, HeldString early)
      : owned_(std::move(stream)),
        stream_(*owned_),
        early_(std::move(early)),
        side_(Side::upstream) {}
  // A client's, whose `stream` outlives the tunnel. `early`: what it sent after its request.
  StreamTunnel(net::Stream& stream, HeldString early)
      : stream_(stream), early_(std::move(early)), side_(Side::client) {}

  task<Result<bytes>> read() override;
  task<Result<void>> write(bytes data) override;
  void close_write() override { stream_.close_write(); }
  bool has_failed() const noexcept override { return stream_.has_failed(); }
  // May be awaited at any time; one waits.
  task<Result<void>> gone() override;

  net::Stream& stream() noexcept { return stream_; }
  HeldString take_early() noexcept { return std::move(early_); }

 private:
  std::unique_ptr<net::Stream> owned_;
  net::Stream& stream_;
  HeldString early_;
  HeldString piece_;
  Side side_;
};

// The bytes of one direction, each counted in a total as well if there is one.
class RelayedBytes {
 public:
  // Counts in `count` from now on, and in `total`. Both outlive this.
  void count_in(std::uint64_t& count, Counter& total) noexcept {
    count_ = &count;
    total_ = &total;
  }
  RelayedBytes& operator+=(std::size_t size) noexcept {
    (count_ ? *count_ : own_) += size;
    if (total_) total_->add(size);
    return *this;
  }
  std::uint64_t value() const noexcept { return count_ ? *count_ : own_; }

 private:
  std::uint64_t own_ = 0;
  std::uint64_t* count_ = nullptr;
  Counter* total_ = nullptr;
};

// A relay as its owner sees it.
class RelayState {
 public:
  RelayedBytes from_client;
  RelayedBytes to_client;
  // When something was last read, or taken by a side that was slow.
  net::Time last_activity{};

  // Both directions have ended. The relay returns soon, if it has not yet.
  bool is_over() const noexcept { return ended_ >= 2; }
  bool was_ended() const noexcept { return end_.has_value(); }
  // The relay fails with `why`, soon.
  void end(Error why) {
    if (!end_) end_ = std::move(why);
    if (changed_) changed_->set();
  }

 private:
  friend class Relay;
  std::optional<Error> end_;
  int ended_ = 0;                 // directions
  io::Event* changed_ = nullptr;  // of the relay, while it runs
};

// Joins both ends. An error when either side failed, or of RelayState::end(); the caller closes
// both then. Destroying the task stops the relay.
task<Result<void>> relay(RelayedTunnel& client,
                         Tunnel& far,
                         io::Reactor& reactor,
                         RelayState& state);
// The same with a client's stream. `early`: what the client sent after its request.
task<Result<void>> relay(net::Stream& client, HeldString early, Tunnel& far, RelayState& state);

}  // namespace onehop::wire
