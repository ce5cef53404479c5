// SPDX-License-Identifier: Apache-2.0
#include "wire/h2_body_sender.hpp"

#include "http/polled_body_source.hpp"
#include "io/yield.hpp"

#include <optional>

namespace onehop::wire {
namespace {

// More is pulled below the first mark, up to the second.
constexpr std::size_t kLowWater = 32 * 1024;
constexpr std::size_t kHighWater = 128 * 1024;
constexpr std::size_t kPiece = 256 * 1024;
// One body may not hold the thread for longer than this takes.
constexpr std::uint64_t kOctetsPerTurn = 1024 * 1024;

}  // namespace

bool H2BodySender::is_full() const noexcept {
  return stream_.unsent() >= kHighWater;
}

void H2BodySender::on_news() noexcept {
  if (stream_.unsent() <= kLowWater || stream_.is_closed()) room_.set();
}

task<Result<void>> H2BodySender::wait_for_room(H2Link& link) {
  link.flush_now();
  while (stream_.unsent() > kLowWater) {
    if (!stream_.is_open()) co_return failure(Errc::closed, Side::local);
    stream_.tell_below(kLowWater);
    co_await room_.wait();
  }
  co_return Result<void>();
}

task<Result<void>> H2BodySender::send(H2Link& link, Body& body, BodyProgress& progress) {
  BodySource* const source = body.source();
  PolledBodySource* const polled = source->polled();
  const auto length = body.length();
  std::uint64_t turn = 0;
  for (;;) {
    std::optional<Result<bytes>> piece;
    if (polled) {
      piece = polled->try_read(kPiece);
      if (!piece) {
        link.flush_soon();
        co_await polled->wait();
        continue;
      }
    } else {
      link.flush_soon();
      piece = co_await source->read();
    }
    if (!*piece) co_return failure(piece->error());
    if ((*piece)->empty()) break;
    progress.note(**piece, link.reactor().now());
    if (length && progress.octets > *length) {
      co_return failure(Errc::handler_failed, Side::local, "the body is longer than it said");
    }
    stream_.send(**piece);
    turn += (*piece)->size();
    if (is_full()) {
      auto room = co_await wait_for_room(link);
      if (!room) co_return room;
    }
    if (turn >= kOctetsPerTurn) {
      turn = 0;
      link.flush_soon();
      co_await io::yield(link.reactor());
    }
  }
  if (length && progress.octets < *length) {
    co_return failure(Errc::handler_failed, Side::local, "the body is shorter than it said");
  }
  h2::FieldList& trailers = link.field_list();
  h2::write_trailers(body.trailers(), *stream_.arena(), trailers);
  stream_.send_end(trailers);
  link.flush_soon();
  co_return Result<void>();
}

}  // namespace onehop::wire
