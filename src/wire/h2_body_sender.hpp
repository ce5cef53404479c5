// SPDX-License-Identifier: Apache-2.0
//
// H2BodySender pulls a body and passes it to an HTTP/2 stream, no faster than the peer accepts it.
// The server sends responses with it, the transport requests. It has the lifetime of the stream.
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
  // `side` is the peer's side, for errors.
  H2BodySender(h2::Stream& stream, io::Reactor& reactor, Side side) noexcept
      : stream_(stream), room_(reactor), side_(side) {}

  // Sends `body` to its end, trailers included, as far as possible without waiting. At success
  // everything has been passed to the stream, but some may not have been written. If it returns
  // std::nullopt, the caller must await send_rest(), and keep `link`, `body` and `progress` until
  // that completes. Errors carry the side that caused them; Errc::timed_out if the peer accepts
  // nothing for `stall`.
  Poll<void> try_send(H2Link& link,
                      Body& body,
                      BodyProgress& progress,
                      net::Duration stall = net::Duration::max());
  task<Result<void>> send_rest() { return pump_.send_rest(*this); }
  // Completes when the stream has few unsent bytes. Fails if the stream is not open, or if the peer
  // accepts nothing for `stall`.
  task<Result<void>> wait_for_room(H2Link& link, net::Duration stall = net::Duration::max());
  // Completes when the end has been sent or the stream is not open. Must not be awaited while
  // wait_for_room() runs.
  task<void> wait_for_end();
  // Reports whether the stream keeps the maximum number of bytes for a peer that does not read.
  bool is_full() const noexcept;
  // Must be called by Stream::on_event().
  void on_event() noexcept;

 private:
  friend class BodyPump;
  // One body must not occupy the thread for longer than this many bytes take.
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
  // For the body being sent.
  BodyPump pump_;
  H2Link* link_ = nullptr;
  net::Duration stall_ = net::Duration::max();
};

}  // namespace onehop::wire
