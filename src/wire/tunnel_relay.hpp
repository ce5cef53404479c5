// SPDX-License-Identifier: Apache-2.0
//
// Relays bytes between two tunnels after a 101 or its equivalent in HTTP/2: the client's end, which
// is a StreamTunnel or an H2Tunnel, and the far end, which is an upgraded connection of the
// transport or a tunnel that a user wrote. Each end passes through the same states:
//
//   open         read() and write() are called
//   half-closed  read() has returned the peer's end, or close_write() has sent ours
//   flushed      after close_write(): flushed() has completed, so closing the end loses no data
//   gone         after the peer's end: gone() has completed, so no data reaches the peer
//
// A relay ends when both ends are half-closed and flushed, when the far end is gone, when either
// end fails, or when its owner ends it. An idle tunnel holds no buffer. Thread: owner.
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

// While one side does not read, the relay checks this often whether the other has failed.
inline constexpr net::Duration kTunnelLivenessCheck = std::chrono::milliseconds(500);

// Returns the maximum number of bytes read from a tunnel at once, and so the maximum kept for each
// direction.
std::size_t tunnel_piece() noexcept;

// A tunnel that can report progress while a slow peer accepts parts of one piece.
class RelayedTunnel : public Tunnel {
 public:
  // Sets `*time` to the current time whenever the peer accepts bytes. If `time` is null, stops
  // doing so.
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
  // The tunnel of an upstream. `early` is the data that the upstream sent after its 101.
  StreamTunnel(std::unique_ptr<net::Stream> stream, HeldString early)
      : owned_(std::move(stream)),
        stream_(*owned_),
        early_(std::move(early)),
        side_(Side::upstream) {}
  // The tunnel of a client. `stream` must outlive it. `early` is the data that the client sent
  // after its request.
  StreamTunnel(net::Stream& stream, HeldString early)
      : stream_(stream), early_(std::move(early)), side_(Side::client) {}

  task<Result<bytes>> read() override;
  task<Result<void>> write(bytes data) override;
  void close_write() override { stream_.close_write(); }
  bool has_failed() const noexcept override { return stream_.has_failed(); }
  // May be awaited at any time, by one caller at once.
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

// Counts the bytes of one direction, and adds them to a total if there is one.
class RelayedBytes {
 public:
  // Counts in `count` and in `total` from this call on. Both must outlive this object.
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

// The state of a relay, for its owner.
class RelayState {
 public:
  RelayedBytes from_client;
  RelayedBytes to_client;
  // When bytes were last read, or accepted by a slow peer.
  net::Time last_activity{};

  // Reports whether both directions have ended. The relay has returned then, or is scheduled to.
  bool is_over() const noexcept { return ended_ >= 2; }
  bool was_ended() const noexcept { return end_.has_value(); }
  // Schedules the relay to fail with `why`.
  void end(Error why) {
    if (!end_) end_ = std::move(why);
    if (changed_) changed_->set();
  }

 private:
  friend class Relay;
  std::optional<Error> end_;
  int ended_ = 0;                 // directions
  io::Event* changed_ = nullptr;  // the relay's event, while it runs
};

// Relays until the end. Fails if either side failed or the owner called RelayState::end(); the
// caller then closes both ends. Destroying the task stops the relay.
task<Result<void>> relay(RelayedTunnel& client,
                         Tunnel& far,
                         io::Reactor& reactor,
                         RelayState& state);
// Relays a client's stream. `early` is the data that the client sent after its request.
task<Result<void>> relay(net::Stream& client, HeldString early, Tunnel& far, RelayState& state);

}  // namespace onehop::wire
