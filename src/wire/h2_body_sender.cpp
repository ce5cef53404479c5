// SPDX-License-Identifier: Apache-2.0
#include "wire/h2_body_sender.hpp"

#include "base/held_memory.hpp"
#include "http/polled_body_source.hpp"
#include "io/yield.hpp"
#include "wire/request_claim.hpp"

#include <utility>

namespace onehop::wire {
namespace {

// More is pulled below the first mark, up to the second; while memory is short, when all is sent.
constexpr std::size_t kLowWater = 32 * 1024;
constexpr std::size_t kHighWater = 128 * 1024;
constexpr std::size_t kPiece = 256 * 1024;
// One body may not hold the thread for longer than this takes.
constexpr std::uint64_t kOctetsPerTurn = 1024 * 1024;

// A sender that is full waits for this, so this is not full at any time.
std::size_t low_water() noexcept {
  return memory_is_short() ? 0 : kLowWater;
}

}  // namespace

bool H2BodySender::is_full() const noexcept {
  return stream_.unsent() > (memory_is_short() ? 0 : kHighWater);
}

void H2BodySender::on_news() noexcept {
  if (stream_.unsent() <= kLowWater || stream_.is_closed()) room_.set();
}

task<Result<void>> H2BodySender::wait_for_room(H2Link& link, net::Duration stall) {
  link.flush_now();
  const std::size_t low = low_water();
  while (stream_.unsent() > low) {
    if (!stream_.is_open()) co_return failure(Errc::closed, Side::local);
    stream_.tell_below(low);
    const std::size_t unsent = stream_.unsent();
    const net::Time deadline = io::deadline_after(link.reactor().now(), stall);
    const bool told = co_await room_.wait(deadline);
    if (!told && stream_.unsent() == unsent) {
      co_return failure(Error(Errc::timed_out, side_).with("no progress in writing"));
    }
  }
  co_return Result<void>();
}

task<void> H2BodySender::wait_for_end() {
  while (stream_.is_open() && !stream_.has_sent_end())
    co_await room_.wait();
}

std::optional<Result<void>> H2BodySender::try_send(H2Link& link,
                                                   Body& body,
                                                   BodyProgress& progress,
                                                   net::Duration stall) {
  sending_ = {
      .link = &link, .body = &body, .progress = &progress, .length = body.length(), .stall = stall};
  if (body.is_empty()) return end();
  return step(std::nullopt);
}

task<Result<void>> H2BodySender::send_rest() {
  for (;;) {
    Piece piece;
    H2Link& link = *sending_.link;
    BodySource* const source = sending_.body->source();
    link.flush_soon();
    switch (sending_.need) {
      case Need::room: {
        auto room = co_await wait_for_room(link, sending_.stall);
        if (!room) co_return room;
        break;
      }
      case Need::turn:
        co_await io::yield(link.reactor());
        break;
      case Need::piece:
        if (PolledBodySource* const polled = source->polled()) {
          co_await polled->wait();
        } else {
          auto read = co_await source->read();
          piece = std::move(read);
        }
    }
    auto done = step(std::move(piece));
    if (done) co_return std::move(*done);
  }
}

// Until the end, a fault, or something to wait for.
std::optional<Result<void>> H2BodySender::step(Piece piece) {
  PolledBodySource* const polled = sending_.body->source()->polled();
  for (;;) {
    if (piece) {
      if (!*piece) return failure(piece->error());
      if ((*piece)->empty()) return end();
      if (auto taken = take(**piece); !taken) return taken;
      piece.reset();
    }
    // The end itself takes no room: what waits for room before it is a large rest alone.
    const bool ends = polled && polled->at_end() && stream_.unsent() <= kHighWater;
    if (!ends && is_full()) {
      sending_.need = Need::room;
      return std::nullopt;
    }
    if (sending_.turn >= kOctetsPerTurn) {
      sending_.turn = 0;
      sending_.need = Need::turn;
      return std::nullopt;
    }
    if (polled) piece = polled->try_read(memory_is_short() ? kShortPiece : kPiece);
    if (!piece) {
      sending_.need = Need::piece;
      return std::nullopt;
    }
  }
}

Result<void> H2BodySender::take(bytes piece) {
  BodyProgress& progress = *sending_.progress;
  progress.note(piece, sending_.link->reactor().now());
  if (sending_.length && progress.octets > *sending_.length) {
    return failure(Errc::handler_failed, Side::local, "the body is longer than it said");
  }
  stream_.send(piece);
  sending_.turn += piece.size();
  return {};
}

Result<void> H2BodySender::end() {
  if (sending_.length && sending_.progress->octets < *sending_.length) {
    return failure(Errc::handler_failed, Side::local, "the body is shorter than it said");
  }
  h2::FieldList& trailers = sending_.link->field_list();
  h2::write_trailers(sending_.body->trailers(), *stream_.arena(), trailers);
  stream_.send_end(trailers);
  sending_.link->flush_soon();
  return {};
}

}  // namespace onehop::wire
