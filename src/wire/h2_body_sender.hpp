// SPDX-License-Identifier: Apache-2.0
//
// H2BodySender: pulls a body and gives it to a stream of HTTP/2, no faster than the peer takes it.
// Both roles use it: responses in the server, requests in the transport. Lives beside the stream.
// Thread: owner.
#pragma once

#include <onehop/body.hpp>

#include "base/poll.hpp"
#include "http/h2/stream.hpp"
#include "io/event.hpp"
#include "wire/body_pump.hpp"
#include "wire/h2_link.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace onehop::wire {

class H2BodySender {
 public:
  // `side` is the peer's, in errors.
  H2BodySender(h2::Stream& stream, io::Reactor& reactor, Side side) noexcept
      : stream_(stream), room_(reactor), side_(side) {}

  // To the body's end, trailers included, as far as that goes without waiting. All of it has been
  // given to the stream then, and may not have gone out. std::nullopt: send_rest() must be awaited,
  // and `link`, `body` and `progress` stay until it is done. Errors carry the side they came from.
  // A peer that takes nothing for as long as `stall` is one.
  Poll<void> try_send(H2Link& link,
                      Body& body,
                      BodyProgress& progress,
                      net::Duration stall = net::Duration::max());
  task<Result<void>> send_rest() { return pump_.send_rest(*this); }
  // While a body is on its way: true when the body's source has nothing to send, rather than the
  // peer no room.
  bool waits_for_source() const noexcept {
    return pump_.has_begun() && pump_.need() == BodyPump::Need::piece;
  }
  // Returns when the stream has little left to send; errors when it is no longer open.
  task<Result<void>> wait_for_room(H2Link& link, net::Duration stall = net::Duration::max());
  // Returns when the end has gone out, or the stream is closed. Not while wait_for_room() runs.
  task<void> wait_for_end();
  // As much is kept as may be for a peer that does not read.
  bool is_full() const noexcept;
  // From Stream::on_event().
  void on_event() noexcept;

 private:
  friend class BodyPump;
  // One body may not hold the thread for longer than these take.
  static constexpr std::uint64_t kBytesPerTurn = 1024 * 1024;
  bool is_full(const PolledBodySource* rest) const noexcept;
  static std::size_t max_piece() noexcept;
  static bool ends_early() noexcept { return false; }
  Result<void> put(bytes piece);
  Result<void> end(const Headers& trailers);
  io::Reactor& reactor() const noexcept { return link_->reactor(); }
  Poll<void> step(BodyPump::Piece piece) { return pump_.step(*this, std::move(piece)); }
  void before_wait() const noexcept { link_->flush_soon(); }
  task<Result<void>> room() { return wait_for_room(*link_, stall_); }

  h2::Stream& stream_;
  io::Event room_;
  Side side_;
  // Of the body on its way.
  BodyPump pump_;
  H2Link* link_ = nullptr;
  net::Duration stall_ = net::Duration::max();
};

}  // namespace onehop::wire
