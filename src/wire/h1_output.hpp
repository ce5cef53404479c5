// SPDX-License-Identifier: Apache-2.0
//
// H1Output: the sending half of an HTTP/1 connection: a StreamWriter that also sends bodies. Small
// things are joined into one write, and nothing more is pulled until all of it has gone. Both roles
// use it: responses in the server, requests in the transport.
#pragma once

#include "base/poll.hpp"
#include "wire/body_pump.hpp"
#include "wire/stream_writer.hpp"

#include <cstdint>
#include <optional>

namespace onehop::wire {

enum class Coding : std::uint8_t { identity, chunked };

class H1Output : public StreamWriter {
 public:
  using StreamWriter::StreamWriter;

  struct BodyOptions {
    Coding coding = Coding::identity;
    bool flush_at_once = false;  // one write for each piece
    bool head_alone = false;     // the body is neither read nor sent
    net::Duration stall = net::Duration::max();
  };
  // Sends the first `head` bytes of the reactor's head scratch memory, then `body` to its end
  // (chunked: with last chunk and trailers), then drains, as far as that goes without waiting.
  // std::nullopt: send_rest() must be awaited, and `body` and `progress` stay until it is done.
  // Errors carry the side they came from.
  Poll<void> try_send(std::size_t head,
                      Body& body,
                      const BodyOptions& options,
                      BodyProgress& progress);
  task<Result<void>> send_rest() { return pump_.send_rest(*this); }
  // While a body is on its way: true when the body's source has nothing to send, rather than the
  // peer no room.
  bool waits_for_source() const noexcept {
    return pump_.has_begun() && !ended_ && pump_.need() == BodyPump::Need::piece && !has_pending();
  }

 private:
  friend class BodyPump;
  class Sink;
  void before_wait() const noexcept {}
  task<Result<void>> room() { return drain(options_.stall); }
  io::Reactor& reactor() const noexcept { return stream().reactor(); }
  Poll<void> step(BodyPump::Piece piece) { return step(0, std::move(piece)); }
  Poll<void> step(std::size_t head, BodyPump::Piece piece);

  BodyPump pump_;
  BodyOptions options_;
  std::size_t max_piece_ = 0;  // of a piece
  bool ended_ = false;         // all of the body has been put
};

}  // namespace onehop::wire
