// SPDX-License-Identifier: Apache-2.0
//
// H1Output is the sending half of an HTTP/1 connection: a StreamWriter that also sends bodies. It
// joins small pieces into one write, and pulls no more of a body until everything before has been
// written. The server sends responses with it, the transport requests.
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
    bool flush_at_once = false;  // each piece is written separately
    bool head_alone = false;     // the body is neither read nor sent
    net::Duration stall = net::Duration::max();
  };
  // Sends the first `head` bytes of the reactor's head scratch memory, then `body` to its end (if
  // chunked, with the last chunk and trailers), and drains, as far as possible without waiting. If
  // it returns std::nullopt, the caller must await send_rest() and keep `body` and `progress` until
  // that completes. Errors carry the side that caused them.
  Poll<void> try_send(std::size_t head,
                      Body& body,
                      const BodyOptions& options,
                      BodyProgress& progress);
  task<Result<void>> send_rest() { return pump_.send_rest(*this); }

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
  std::size_t max_piece_ = 0;  // of the next piece, in bytes
  bool ended_ = false;         // the whole body has been put
};

}  // namespace onehop::wire
