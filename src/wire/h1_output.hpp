// SPDX-License-Identifier: Apache-2.0
//
// H1Output: the sending half of an HTTP/1 connection. Small things are joined into one write; what
// the stream does not take at once is kept here, and nothing more is pulled until that has gone.
// Both roles use it: responses in the server, requests in the transport. It owns the writer's place
// at its stream: one body or one drain() at a time waits there, and what is written beside them
// (write_soon) needs no wait of its caller's.
#pragma once

#include <onehop/body.hpp>

#include "base/held_memory.hpp"
#include "net/stream.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

namespace onehop::wire {

enum class Coding : std::uint8_t { identity, chunked };

// What has happened to a body on its way; read by others while it is being sent.
struct BodyProgress {
  std::uint64_t octets = 0;  // of content handed to the stream
  net::Time last{};          // when that grew last
  // While not null, content is appended here as it is sent, as long as all of it fits
  // and memory is not short.
  HeldString* copy = nullptr;
  std::size_t copy_limit = 0;
  bool copy_complete = true;  // false once some did not fit

  void note(bytes piece, net::Time now) {
    octets += piece.size();
    last = now;
    if (!copy || !copy_complete) return;
    if (copy->size() + piece.size() > copy_limit || memory_is_short()) {
      copy_complete = false;
      HeldString().swap(*copy);
    } else {
      copy->append(piece);
    }
  }
};

class H1Output {
 public:
  // `side`: who is at the other end; errors of writing carry it.
  H1Output(net::Stream& stream, Side side) noexcept : stream_(stream), side_(side) {}
  H1Output(const H1Output&) = delete;
  H1Output& operator=(const H1Output&) = delete;

  // Writes, or keeps what does not go. Errors mean that the peer is gone.
  Result<void> write(std::span<const iovec> parts);
  Result<void> write(std::string_view data);
  // The same for what no one waits for, such as an interim response: what does not go now goes out
  // by itself as the peer reads, or with the next drain() or body. A failure shows there.
  void write_soon(std::string_view data);
  bool has_pending() const noexcept { return !pending_.empty(); }
  std::size_t pending() const noexcept { return pending_.size() - pending_sent_; }

  // Waits until nothing is pending; Errc::timed_out after `stall` without progress.
  task<Result<void>> drain(net::Duration stall);

  struct BodyOptions {
    Coding coding = Coding::identity;
    bool flush_at_once = false;  // one write for each piece
    net::Duration stall = net::Duration::max();
  };
  // Sends the first `head` octets of the reactor's head scratch memory, then `body` to its end
  // (chunked: with last chunk and trailers), then drains, as far as that goes without waiting.
  // Nothing: send_rest() must be awaited, and `body` and `progress` stay until it is done. Errors
  // carry the side they came from.
  std::optional<Result<void>> try_send(std::size_t head,
                                       Body& body,
                                       const BodyOptions& options,
                                       BodyProgress& progress);
  task<Result<void>> send_rest();
  // While a body is on its way: true when the body's source has nothing to send, rather than the
  // peer no room.
  bool waits_for_source() const noexcept {
    return sending_.body && !sending_.ended && sending_.need == Need::piece && !has_pending();
  }

 private:
  class Batch;
  // What send_rest() waits for.
  enum class Need : std::uint8_t { room, piece, turn };
  // A body on its way.
  struct Sending {
    Body* body = nullptr;
    BodyProgress* progress = nullptr;
    BodyOptions options;
    std::uint64_t before = 0;             // progress->octets at the start
    std::optional<std::uint64_t> length;  // what the head has promised
    std::size_t most = 0;
    std::uint64_t turn = 0;
    Need need = Need::room;
    bool ended = false;
  };
  using Piece = std::optional<Result<bytes>>;
  std::optional<Result<void>> step(std::size_t head, Piece piece);
  std::optional<Result<void>> pump(Batch& batch, Piece piece);
  Result<void> take(Batch& batch, bytes piece);
  Result<void> end(Batch& batch);
  Result<void> keep(std::span<const iovec> parts, std::size_t skip);
  // Writes what is pending: bytes taken, or a negative errno.
  ssize_t push_pending();
  static void on_writable(void* self);
  Error write_error(int error) const;

  net::Stream& stream_;
  Sending sending_;
  std::unique_ptr<net::Stream::Waiter> writer_;  // of write_soon(), until drain() takes over
  HeldString pending_;
  std::size_t pending_sent_ = 0;
  Side side_;
};

}  // namespace onehop::wire
