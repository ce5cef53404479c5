// SPDX-License-Identifier: Apache-2.0
#include "wire/h1_output.hpp"

#include "http/h1/serializer.hpp"
#include "http/polled_body_source.hpp"
#include "io/yield.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace onehop::wire {
namespace {

// Up to here a copy is cheaper than a second part of a gathered write.
constexpr std::size_t kJoin = 4096;
// Pieces read ahead of a peer that keeps up, and of one that does not.
constexpr std::size_t kLargePiece = io::Reactor::kScratchSize;
constexpr std::size_t kSmallPiece = 64 * 1024;
// One body may not hold the thread for longer than this takes.
constexpr std::uint64_t kOctetsPerTurn = 4 * 1024 * 1024;
// A kept buffer larger than this is not kept for the next message.
constexpr std::size_t kPendingKept = 4096;

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
  return Error::system(error, side_).during(Phase::send);
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
  written_ += taken;
  return keep(parts, taken);
}

Result<void> H1Output::keep(std::span<const iovec> parts, std::size_t skip) {
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

task<Result<void>> H1Output::drain(net::Duration stall) {
  while (has_pending()) {
    const ssize_t sent =
        stream_.try_write(pending_.data() + pending_sent_, pending_.size() - pending_sent_);
    if (sent >= 0) {
      written_ += static_cast<std::size_t>(sent);
      pending_sent_ += static_cast<std::size_t>(sent);
      if (pending_sent_ < pending_.size()) continue;
      pending_sent_ = 0;
      if (pending_.capacity() > kPendingKept) {
        std::string().swap(pending_);
      } else {
        pending_.clear();
      }
      break;
    }
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

task<Result<void>> H1Output::send(std::size_t head,
                                  Body& body,
                                  BodyOptions options,
                                  BodyProgress& progress) {
  Batch batch(*this, head);
  BodySource* const source = body.source();
  PolledBodySource* const polled = source ? source->polled() : nullptr;
  // What the head has promised; a wrong number would be read as part of another message.
  const std::uint64_t before = progress.octets;
  const auto length = options.coding == Coding::identity ? body.length() : std::nullopt;
  std::size_t most = kLargePiece;
  std::uint64_t turn = 0;
  while (source) {
    std::optional<Result<bytes>> piece;
    if (polled) piece = polled->try_read(most);
    if (!piece) {
      if (auto flushed = batch.flush(); !flushed) co_return flushed;
      if (has_pending()) {
        auto drained = co_await drain(options.stall);
        if (!drained) co_return drained;
      }
      if (polled) {
        co_await polled->wait();
        continue;
      }
      piece = co_await source->read();
    }
    if (!*piece) {
      // What came before the fault is still the client's.
      if (auto flushed = batch.flush(); !flushed) co_return flushed;
      co_return failure(piece->error());
    }
    if ((*piece)->empty()) break;
    if (length && (*piece)->size() > *length - (progress.octets - before)) {
      if (auto flushed = batch.flush(); !flushed) co_return flushed;
      co_return failure(Errc::handler_failed, Side::local, "the body is longer than it said");
    }
    turn += (*piece)->size();
    progress.note(**piece, stream_.reactor().now());
    auto added = batch.add(**piece, options.coding);
    if (added && options.flush_at_once) added = batch.flush();
    if (!added) co_return added;
    if (polled && options.coding == Coding::identity && polled->at_end()) break;
    if (has_pending()) {
      most = kSmallPiece;
      if (auto flushed = batch.flush(); !flushed) co_return flushed;
      auto drained = co_await drain(options.stall);
      if (!drained) co_return drained;
    } else {
      most = kLargePiece;
    }
    if (turn >= kOctetsPerTurn) {
      turn = 0;
      if (auto flushed = batch.flush(); !flushed) co_return flushed;
      co_await io::yield(stream_.reactor());
    }
  }
  if (length && progress.octets - before < *length) {
    if (auto flushed = batch.flush(); !flushed) co_return flushed;
    co_return failure(Errc::handler_failed, Side::local, "the body is shorter than it said");
  }
  if (options.coding == Coding::chunked) {
    if (auto added = batch.add_last_chunk(body.trailers()); !added) co_return added;
  }
  if (auto flushed = batch.flush(); !flushed) co_return flushed;
  if (!has_pending()) co_return Result<void>();
  co_return co_await drain(options.stall);
}

}  // namespace onehop::wire
