// SPDX-License-Identifier: Apache-2.0
//
// What follows a 101: StreamTunnel is an upgraded connection of the transport; relay() joins it, or
// any Tunnel, with the client's stream until both directions have ended or one side has failed or
// left. Idle tunnels hold no buffer. One thread.
#pragma once

#include <onehop/response.hpp>

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

// While one side does not read, the other is asked this often whether it is still there.
inline constexpr net::Duration kTunnelLivenessCheck = std::chrono::milliseconds(500);

// What is read of a tunnel at once, and so what may be kept of each direction.
std::size_t tunnel_piece() noexcept;

class StreamTunnel : public Tunnel {
 public:
  // `early`: what the far side sent behind its 101.
  StreamTunnel(std::unique_ptr<net::Stream> stream, HeldString early)
      : stream_(std::move(stream)), early_(std::move(early)) {}

  task<Result<bytes>> read() override;
  task<Result<void>> write(bytes data) override;
  void close_write() override { stream_->close_write(); }
  bool has_failed() const noexcept override { return stream_->has_failed(); }
  task<Result<void>> gone() override;

  net::Stream& stream() noexcept { return *stream_; }
  HeldString take_early() noexcept { return std::move(early_); }

 private:
  std::unique_ptr<net::Stream> stream_;
  HeldString early_;
  HeldString piece_;
};

// What others may know of a relay, and how they end it.
class RelayState {
 public:
  std::uint64_t from_client = 0;  // bytes
  std::uint64_t to_client = 0;
  // When something was last read, or taken by a side that was slow.
  net::Time last_activity{};

  // The relay fails with `why`, soon.
  void end(Error why) {
    if (!end_) end_ = std::move(why);
    if (changed_) changed_->set();
  }

 private:
  friend class Relay;
  std::optional<Error> end_;
  io::Event* changed_ = nullptr;  // of the relay, while it runs
};

// `early`: what the client sent behind its request. Ends with an error when either side failed; the
// caller closes both then. Destroying the task stops the relay.
task<Result<void>> relay(net::Stream& client, HeldString early, Tunnel& far, RelayState& state);

}  // namespace onehop::wire
