// SPDX-License-Identifier: Apache-2.0
#include "wire/h1_output.hpp"

#include "base/held_memory.hpp"
#include "http/h1/serializer.hpp"
#include "wire/request_claim.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace onehop::wire {
namespace {

// Up to this size, copying a piece is cheaper than another part of a gathered write.
constexpr std::size_t kJoin = 4096;
// The maximum size of a piece for a peer that keeps up, and for one that does not. While memory is
// short, it is kShortPiece.
constexpr std::size_t kLargePiece = io::Reactor::kScratchSize;
constexpr std::size_t kSmallPiece = 64 * 1024;

constexpr std::string_view kCrlf = "\r\n";

iovec part_of(std::string_view text) {
  return {const_cast<char*>(text.data()), text.size()};  // NOLINT: iovec is not const-correct
}

}  // namespace

// The body's sink. It gathers the next write in the reactor's head scratch memory, so it is valid
// only between two waits.
class H1Output::Sink {
 public:
  // One body must not occupy the thread for longer than this many bytes take.
  static constexpr std::uint64_t kBytesPerTurn = 4 * 1024 * 1024;

  Sink(H1Output& output, std::size_t head)
      : output_(output), memory_(output.reactor().head_scratch()), size_(head) {}

  bool is_full(const PolledBodySource*) const noexcept { return output_.has_pending(); }
  std::size_t max_piece() const noexcept {
    return memory_is_short() ? kShortPiece : output_.max_piece_;
  }
  bool ends_early() const noexcept { return !is_chunked(); }
  io::Reactor& reactor() const noexcept { return output_.reactor(); }

  Result<void> put(bytes piece) {
    auto added = add(piece);
    if (added && output_.options_.flush_at_once) added = flush();
    output_.max_piece_ = output_.has_pending() ? kSmallPiece : kLargePiece;
    return added;
  }
  Result<void> end(const Headers& trailers) {
    return is_chunked() ? add_last_chunk(trailers) : Result<void>();
  }

  Result<void> flush() {
    if (size_ == 0) return {};
    return output_.write({memory_.data(), std::exchange(size_, 0)});
  }

 private:
  bool is_chunked() const noexcept { return output_.options_.coding == Coding::chunked; }

  Result<void> add(bytes piece) {
    const std::size_t framing = is_chunked() ? h1::kChunkSizeLine + kCrlf.size() : 0;
    if (free() < framing + std::min(piece.size(), kJoin)) {
      if (auto flushed = flush(); !flushed) return flushed;
    }
    if (is_chunked()) {
      size_ = static_cast<std::size_t>(h1::write_chunk_size(at(), piece.size()) - memory_.data());
    }
    if (piece.size() <= kJoin) {
      append(piece);
      if (is_chunked()) append(kCrlf);
      return {};
    }
    const iovec parts[] = {{memory_.data(), std::exchange(size_, 0)},
                           part_of(piece),
                           part_of(is_chunked() ? kCrlf : std::string_view())};
    const bool has_head = parts[0].iov_len > 0;
    const std::size_t count = is_chunked() ? 3 : 2;
    return output_.write(has_head ? std::span(parts, count) : std::span(parts + 1, count - 1));
  }

  Result<void> add_last_chunk(const Headers& trailers) {
    const std::size_t bound = h1::last_chunk_size_bound(trailers);
    if (bound > free()) {
      if (auto flushed = flush(); !flushed) return flushed;
    }
    if (bound > free()) {
      std::string text(bound, '\0');
      text.resize(
          static_cast<std::size_t>(h1::write_last_chunk(text.data(), trailers) - text.data()));
      return output_.write(text);
    }
    size_ = static_cast<std::size_t>(h1::write_last_chunk(at(), trailers) - memory_.data());
    return {};
  }

  char* at() const noexcept { return memory_.data() + size_; }
  std::size_t free() const noexcept { return memory_.size() - size_; }
  void append(std::string_view text) {
    std::memcpy(at(), text.data(), text.size());
    size_ += text.size();
  }

  H1Output& output_;
  std::span<char> memory_;
  std::size_t size_;
};

Poll<void> H1Output::try_send(std::size_t head,
                              Body& body,
                              const BodyOptions& options,
                              BodyProgress& progress) {
  options_ = options;
  max_piece_ = kLargePiece;
  ended_ = options.head_alone || body.is_empty();
  std::optional<std::uint64_t> length;
  if (options.coding == Coding::identity && !ended_) length = body.length();
  pump_.begin(body, progress, length);
  return step(head, std::nullopt);
}

// Gathered bytes are written in any case: the scratch memory may be overwritten during a wait, and
// bytes that precede an error still belong to the peer.
Poll<void> H1Output::step(std::size_t head, BodyPump::Piece piece) {
  Sink sink(*this, head);
  Poll<void> ended(std::in_place);
  if (!ended_) ended = pump_.step(sink, std::move(piece));
  if (auto flushed = sink.flush(); !flushed) return flushed;
  if (ended && !*ended) return ended;
  if (ended) ended_ = true;
  if (!has_pending()) return ended;
  pump_.wait_for_room();
  return std::nullopt;
}

}  // namespace onehop::wire
