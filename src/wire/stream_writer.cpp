// SPDX-License-Identifier: Apache-2.0
#include "wire/stream_writer.hpp"

#include "base/check.hpp"

#include <cerrno>
#include <cstring>
#include <new>

namespace onehop::wire {
namespace {

// A larger buffer is freed once it is empty.
constexpr std::size_t kPendingKept = 4096;

}  // namespace

Error StreamWriter::write_error(int error) const {
  if (peer_ == Side::client) {
    return Error(Errc::client_gone, peer_)
        .with(std::strerror(error));  // NOLINT(concurrency-mt-unsafe)
  }
  return stream_.error_of(error, peer_).during(Phase::send);
}

Error StreamWriter::lost_error() const {
  Error error(Errc::overloaded, Side::local);
  return error.during(peer_ == Side::client ? Phase::deliver : Phase::send);
}

Result<void> StreamWriter::write(std::string_view data) {
  const iovec part = {const_cast<char*>(data.data()), data.size()};  // NOLINT: not const-correct
  return write(std::span(&part, 1));
}

Result<void> StreamWriter::write(std::span<const iovec> parts) {
  if (has_lost_) return failure(lost_error());
  if (has_pending()) return keep(parts, 0);
  const net::IoResult sent = stream_.try_write(parts.data(), static_cast<int>(parts.size()));
  if (sent.has_failed()) return failure(write_error(sent.error()));
  return keep(parts, sent.count());
}

Result<void> StreamWriter::keep(std::span<const iovec> parts, std::size_t skip) {
  std::size_t all = 0;
  for (const iovec& part : parts)
    all += part.iov_len;
  ONEHOP_DCHECK(skip <= all);
  if (all == skip) return {};
  try {
    pending_.reserve(pending_.size() + all - skip);  // appending could double the capacity
  } catch (const std::bad_alloc&) {
    has_lost_ = true;
    pending_sent_ = 0;
    HeldString().swap(pending_);
    stream_.abort();
    return failure(lost_error());
  }
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

void StreamWriter::write_soon(std::string_view data) {
  (void)write(data);
  if (!has_pending() || writer_) return;
  writer_ = std::make_unique<net::Stream::Waiter>(stream_, net::Stream::Waiter::For::writing,
                                                  io::call<&StreamWriter::on_writable>(this));
  writer_->wait();
}

void StreamWriter::on_writable() {
  while (has_pending()) {
    const net::IoResult sent = push_pending();
    if (sent.is_wait()) return writer_->wait();
    if (sent.has_failed()) break;
  }
  writer_.reset();
}

net::IoResult StreamWriter::push_pending() {
  const net::IoResult sent =
      stream_.try_write(pending_.data() + pending_sent_, pending_.size() - pending_sent_);
  if (sent.error() != 0) return sent;
  pending_sent_ += sent.count();
  ONEHOP_DCHECK(pending_sent_ <= pending_.size());
  if (pending_sent_ < pending_.size()) return sent;
  pending_sent_ = 0;
  if (pending_.capacity() > kPendingKept) {
    HeldString().swap(pending_);
  } else {
    pending_.clear();
  }
  return sent;
}

task<Result<void>> StreamWriter::drain(net::Duration stall) {
  writer_.reset();
  if (has_lost_) co_return failure(lost_error());
  while (has_pending()) {
    const net::IoResult sent = push_pending();
    if (sent.has_failed()) co_return failure(write_error(sent.error()));
    if (!sent.is_wait()) continue;
    const std::size_t waiting = stream_.unacknowledged();
    const net::Time deadline = io::deadline_after(stream_.reactor().now(), stall);
    const net::Wait wait = co_await stream_.writable(deadline);
    if (wait == net::Wait::timed_out) {
      // If the reader is slow, the kernel reports the socket writable long after the reader has
      // made room.
      if (stream_.unacknowledged() < waiting) continue;
      co_return failure(Error(Errc::timed_out, peer_).with("no progress in writing"));
    }
    if (wait == net::Wait::interrupted) co_return failure(Errc::cancelled, Side::local);
  }
  co_return Result<void>();
}

}  // namespace onehop::wire
