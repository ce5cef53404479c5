// SPDX-License-Identifier: Apache-2.0
//
// H2BodySender: pulls a body and gives it to a stream of HTTP/2, no faster than the peer takes it.
// Both roles use it: responses in the server, requests in the transport. Lives beside the stream.
#pragma once

#include <onehop/body.hpp>

#include "http/h2/stream.hpp"
#include "io/event.hpp"
#include "wire/h2_link.hpp"

#include <cstdint>
#include <optional>

namespace onehop::wire {

class H2BodySender {
 public:
  // `side` is the peer's, in errors.
  H2BodySender(h2::Stream& stream, io::Reactor& reactor, Side side) noexcept
      : stream_(stream), room_(reactor), side_(side) {}

  // To the body's end, trailers included, as far as that goes without waiting. Everything has been
  // given to the stream then; nothing else may have gone out. Nothing: send_rest() must be awaited,
  // and `link`, `body` and `progress` stay until it is done. Errors carry the side they came from.
  // A peer that takes nothing for as long as `stall` is one.
  std::optional<Result<void>> try_send(H2Link& link,
                                       Body& body,
                                       BodyProgress& progress,
                                       net::Duration stall = net::Duration::max());
  task<Result<void>> send_rest();
  // While a body is on its way: true when the body's source has nothing to send, rather than the
  // peer no room.
  bool waits_for_source() const noexcept { return sending_.body && sending_.need == Need::piece; }
  // Returns when the stream has little left to send; errors when it is no longer open.
  task<Result<void>> wait_for_room(H2Link& link, net::Duration stall = net::Duration::max());
  // Returns when the end has gone out, or the stream is closed. Nobody waits for room meanwhile.
  task<void> wait_for_end();
  // So much is kept for a peer that does not take it.
  bool is_full() const noexcept;
  // From Stream::on_news().
  void on_news() noexcept;

 private:
  // What send_rest() waits for.
  enum class Need : std::uint8_t { room, piece, turn };
  // A body on its way.
  struct Sending {
    H2Link* link = nullptr;
    Body* body = nullptr;
    BodyProgress* progress = nullptr;
    std::optional<std::uint64_t> length;  // what the head has promised
    net::Duration stall = net::Duration::max();
    std::uint64_t turn = 0;
    Need need = Need::piece;
  };
  using Piece = std::optional<Result<bytes>>;
  std::optional<Result<void>> step(Piece piece);
  Result<void> take(bytes piece);
  Result<void> end();

  h2::Stream& stream_;
  io::Event room_;
  Side side_;
  Sending sending_;
};

}  // namespace onehop::wire
