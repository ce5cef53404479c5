// SPDX-License-Identifier: Apache-2.0
#include "wire/h2_body_sender.hpp"

#include "base/check.hpp"
#include "base/held_memory.hpp"
#include "wire/request_claim.hpp"

#include <utility>

namespace onehop::wire {
namespace {

// If more than kHighWater bytes are unsent, the sender pulls no more of the body until at most
// kLowWater are. While memory is short, both marks are 0.
constexpr std::size_t kLowWater = 32 * 1024;
constexpr std::size_t kHighWater = 128 * 1024;
constexpr std::size_t kBodyPiece = 256 * 1024;

// wait_for_room() waits for this mark, so is_full() must be false at it.
std::size_t low_water() noexcept {
  return memory_is_short() ? 0 : kLowWater;
}

}  // namespace

bool H2BodySender::is_full() const noexcept {
  return stream_.unsent() > (memory_is_short() ? 0 : kHighWater);
}

void H2BodySender::on_event() noexcept {
  if (stream_.unsent() <= kLowWater || stream_.is_closed()) room_.set();
}

task<Result<void>> H2BodySender::wait_for_room(H2Link& link, net::Duration stall) {
  link.flush_now();
  const std::size_t low = low_water();
  while (stream_.unsent() > low) {
    if (!stream_.is_open()) co_return failure(Errc::closed, Side::local);
    stream_.notify_below(low);
    const std::size_t unsent = stream_.unsent();
    const std::size_t unread = link.unread();
    const net::Time deadline = io::deadline_after(link.reactor().now(), stall);
    const bool has_changed = co_await room_.wait(deadline);
    if (!stream_.is_open()) co_return failure(Errc::closed, Side::local);  // `link` may be gone
    const bool peer_reads = link.is_blocked() && link.unread() != unread;
    if (!has_changed && !peer_reads && stream_.unsent() == unsent) {
      co_return failure(Error(Errc::timed_out, side_).with("no progress in writing"));
    }
  }
  co_return Result<void>();
}

task<void> H2BodySender::wait_for_end() {
  while (stream_.is_open() && !stream_.has_sent_end())
    co_await room_.wait();
}

Poll<void> H2BodySender::try_send(H2Link& link,
                                  Body& body,
                                  BodyProgress& progress,
                                  net::Duration stall) {
  ONEHOP_DCHECK(!pump_.has_begun());  // a stream has one body
  link_ = &link;
  stall_ = stall;
  pump_.begin(body, progress, body.length());
  if (body.is_empty()) return pump_.end(*this);
  return step(std::nullopt);
}

// The end takes no room. While memory is short, a source at its end therefore waits only if more
// than kHighWater bytes are unsent.
bool H2BodySender::is_full(const PolledBodySource* rest) const noexcept {
  if (!is_full()) return false;
  return stream_.unsent() > kHighWater || !rest || !rest->at_end();
}

std::size_t H2BodySender::max_piece() noexcept {
  return memory_is_short() ? kShortPiece : kBodyPiece;
}

Result<void> H2BodySender::put(bytes piece) {
  stream_.send(piece);
  return {};
}

Result<void> H2BodySender::end(const Headers& trailers) {
  h2::FieldList& fields = link_->field_list();
  h2::write_trailers(trailers, *stream_.arena(), fields);
  stream_.send_end(fields);
  link_->flush_soon();
  return {};
}

}  // namespace onehop::wire
