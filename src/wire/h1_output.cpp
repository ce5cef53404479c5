// SPDX-License-Identifier: Apache-2.0
#include "wire/h1_output.hpp"

#include "http/h1/serializer.hpp"
#include "http/polled_body_source.hpp"
#include "io/yield.hpp"
#include "wire/request_claim.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace onehop::wire {
namespace {

// Up to here a copy is cheaper than a second part of a gathered write.
constexpr std::size_t kJoin = 4096;
// Pieces read ahead of a peer that keeps up, and of one that does not; while memory is short,
// kShortPiece.
constexpr std::size_t kLargePiece = io::Reactor::kScratchSize;
constexpr std::size_t kSmallPiece = 64 * 1024;
// One body may not hold the thread for longer than this takes.
constexpr std::uint64_t kOctetsPerTurn = 4 * 1024 * 1024;
// A kept buffer larger than this is not kept for the next message.
constexpr std::size_t kPendingKept = 4096;

std::size_t at_most(std::size_t piece) noexcept {
  return memory_is_short() ? kShortPiece : piece;
}

constexpr std::string_view kCrlf = "\r\n";

iovec part_of(std::string_view text) {
  return {const_cast<char*>(text.data()), text.size()};  // NOLINT: iovec is not const-correct
}

}  // namespace

Error H1Output::write_error(int error) const {
  if (side_ == Side::client) {
    return Error(Errc::client_gone, side_)
        .with(std::strerror(error));  // NOLINT(concurrency-mt-unsafe)
  }
  return stream_.error_of(error, side_).during(Phase::send);
}

Result<void> H1Output::write(std::string_view data) {
  const iovec part = part_of(data);
  return write(std::span(&part, 1));
}

Result<void> H1Output::write(std::span<const iovec> parts) {
  if (has_pending()) return keep(parts, 0);
  const ssize_t sent = stream_.try_write(parts.data(), static_cast<int>(parts.size()));
  if (sent < 0 && sent != -EAGAIN) return failure(write_error(static_cast<int>(-sent)));
  const std::size_t taken = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  return keep(parts, taken);
}

Result<void> H1Output::keep(std::span<const iovec> parts, std::size_t skip) {
  std::size_t all = 0;
  for (const iovec& part : parts)
    all += part.iov_len;
  if (all == skip) return {};
  pending_.reserve(pending_.size() + all - skip);  // not twice as much, as appending would
  for (const iovec& part : parts) {
    if (skip >= part.iov_len) {
      skip -= part.iov_len;
      continue;
    }
    pending_.append(static_cast<const char*>(part.iov_base) + skip, part.iov_len - skip);
    skip = 0;
  }
  return {};
}

void H1Output::write_soon(std::string_view data) {
  (void)write(data);
  if (!has_pending() || writer_) return;
  writer_ = std::make_unique<net::Stream::Waiter>(stream_, net::Stream::Waiter::For::writing,
                                                  &H1Output::on_writable, this);
  writer_->wait();
}

void H1Output::on_writable(void* self) {
  auto& output = *static_cast<H1Output*>(self);
  while (output.has_pending()) {
    const ssize_t sent = output.push_pending();
    if (sent == -EAGAIN) return output.writer_->wait();
    if (sent < 0) break;
  }
  output.writer_.reset();
}

ssize_t H1Output::push_pending() {
  const ssize_t sent =
      stream_.try_write(pending_.data() + pending_sent_, pending_.size() - pending_sent_);
  if (sent < 0) return sent;
  pending_sent_ += static_cast<std::size_t>(sent);
  if (pending_sent_ < pending_.size()) return sent;
  pending_sent_ = 0;
  if (pending_.capacity() > kPendingKept) {
    HeldString().swap(pending_);
  } else {
    pending_.clear();
  }
  return sent;
}

task<Result<void>> H1Output::drain(net::Duration stall) {
  writer_.reset();
  while (has_pending()) {
    const ssize_t sent = push_pending();
    if (sent >= 0) continue;
    if (sent != -EAGAIN) co_return failure(write_error(static_cast<int>(-sent)));
    const std::size_t waiting = stream_.unacknowledged();
    const net::Time deadline = io::deadline_after(stream_.reactor().now(), stall);
    const net::Wait wait = co_await stream_.writable(deadline);
    if (wait == net::Wait::timed_out) {
      // A slow reader frees the socket's buffer long before the kernel says that it is writable.
      if (stream_.unacknowledged() < waiting) continue;
      co_return failure(Error(Errc::timed_out, side_).with("no progress in writing"));
    }
    if (wait == net::Wait::interrupted) co_return failure(Errc::cancelled, Side::local);
  }
  co_return Result<void>();
}

// Octets that will go out with the next write, gathered in the reactor's head scratch memory. Valid
// only between two waits.
class H1Output::Batch {
 public:
  Batch(H1Output& output, std::size_t head)
      : output_(output), memory_(output.stream_.reactor().head_scratch()), size_(head) {}

  Result<void> flush() {
    if (size_ == 0) return {};
    return output_.write({memory_.data(), std::exchange(size_, 0)});
  }

  Result<void> add(bytes piece, Coding coding) {
    const std::size_t framing = coding == Coding::chunked ? h1::kChunkSizeLine + kCrlf.size() : 0;
    if (room() < framing + std::min(piece.size(), kJoin)) {
      if (auto flushed = flush(); !flushed) return flushed;
    }
    if (coding == Coding::chunked) {
      size_ = static_cast<std::size_t>(h1::write_chunk_size(end(), piece.size()) - memory_.data());
    }
    if (piece.size() <= kJoin) {
      append(piece);
      if (coding == Coding::chunked) append(kCrlf);
      return {};
    }
    const iovec parts[] = {{memory_.data(), std::exchange(size_, 0)},
                           part_of(piece),
                           part_of(coding == Coding::chunked ? kCrlf : std::string_view())};
    const bool has_head = parts[0].iov_len > 0;
    const std::size_t count = coding == Coding::chunked ? 3 : 2;
    return output_.write(has_head ? std::span(parts, count) : std::span(parts + 1, count - 1));
  }

  Result<void> add_last_chunk(const Headers& trailers) {
    const std::size_t bound = h1::last_chunk_size_bound(trailers);
    if (bound > room()) {
      if (auto flushed = flush(); !flushed) return flushed;
    }
    if (bound > room()) {
      std::string text(bound, '\0');
      text.resize(
          static_cast<std::size_t>(h1::write_last_chunk(text.data(), trailers) - text.data()));
      return output_.write(text);
    }
    size_ = static_cast<std::size_t>(h1::write_last_chunk(end(), trailers) - memory_.data());
    return {};
  }

 private:
  char* end() const noexcept { return memory_.data() + size_; }
  std::size_t room() const noexcept { return memory_.size() - size_; }
  void append(std::string_view text) {
    std::memcpy(end(), text.data(), text.size());
    size_ += text.size();
  }

  H1Output& output_;
  std::span<char> memory_;
  std::size_t size_;
};

std::optional<Result<void>> H1Output::try_send(std::size_t head,
                                               Body& body,
                                               const BodyOptions& options,
                                               BodyProgress& progress) {
  sending_ = Sending();
  sending_.body = &body;
  sending_.progress = &progress;
  sending_.options = options;
  sending_.before = progress.octets;
  if (options.coding == Coding::identity) sending_.length = body.length();
  sending_.most = kLargePiece;
  sending_.ended = body.is_empty();
  return step(head, std::nullopt);
}

task<Result<void>> H1Output::send_rest() {
  for (;;) {
    Piece piece;
    BodySource* const source = sending_.body->source();
    switch (sending_.need) {
      case Need::room: {
        auto drained = co_await drain(sending_.options.stall);
        if (!drained) co_return drained;
        break;
      }
      case Need::turn:
        co_await io::yield(stream_.reactor());
        break;
      case Need::piece:
        if (PolledBodySource* const polled = source->polled()) {
          co_await polled->wait();
        } else {
          auto read = co_await source->read();
          piece = std::move(read);
        }
    }
    auto done = step(0, std::move(piece));
    if (done) co_return std::move(*done);
  }
}

// As far as it goes without waiting. What is gathered goes out in any case: the scratch memory is
// not ours during a wait, and what came before a fault is still the peer's.
std::optional<Result<void>> H1Output::step(std::size_t head, Piece piece) {
  Batch batch(*this, head);
  auto failed = pump(batch, std::move(piece));
  if (auto flushed = batch.flush(); !flushed) return flushed;
  if (failed) return failed;
  if (has_pending()) sending_.need = Need::room;
  const bool done = sending_.ended && !has_pending();
  return done ? std::optional<Result<void>>(std::in_place) : std::nullopt;
}

// Until the end, a fault, or something to wait for.
std::optional<Result<void>> H1Output::pump(Batch& batch, Piece piece) {
  if (sending_.ended || has_pending()) return std::nullopt;
  for (;;) {
    PolledBodySource* const polled = sending_.body->source()->polled();
    if (!piece && polled) piece = polled->try_read(at_most(sending_.most));
    if (!piece) {
      sending_.need = Need::piece;
      return std::nullopt;
    }
    if (!*piece) return failure(piece->error());
    if ((*piece)->empty()) break;
    if (auto taken = take(batch, **piece); !taken) return taken;
    piece.reset();
    if (polled && sending_.options.coding == Coding::identity && polled->at_end()) break;
    if (has_pending()) {
      sending_.most = kSmallPiece;
      return std::nullopt;
    }
    sending_.most = kLargePiece;
    if (sending_.turn >= kOctetsPerTurn) {
      sending_.turn = 0;
      sending_.need = Need::turn;
      return std::nullopt;
    }
  }
  if (auto ended = end(batch); !ended) return ended;
  return std::nullopt;
}

Result<void> H1Output::take(Batch& batch, bytes piece) {
  BodyProgress& progress = *sending_.progress;
  if (sending_.length && piece.size() > *sending_.length - (progress.octets - sending_.before)) {
    return failure(Errc::handler_failed, Side::local, "the body is longer than it said");
  }
  sending_.turn += piece.size();
  progress.note(piece, stream_.reactor().now());
  auto added = batch.add(piece, sending_.options.coding);
  if (added && sending_.options.flush_at_once) added = batch.flush();
  return added;
}

Result<void> H1Output::end(Batch& batch) {
  sending_.ended = true;
  const std::uint64_t sent = sending_.progress->octets - sending_.before;
  if (sending_.length && sent < *sending_.length) {
    return failure(Errc::handler_failed, Side::local, "the body is shorter than it said");
  }
  if (sending_.options.coding != Coding::chunked) return {};
  return batch.add_last_chunk(sending_.body->trailers());
}

}  // namespace onehop::wire
