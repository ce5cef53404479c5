// SPDX-License-Identifier: Apache-2.0
//
// BodyPump: pulls a body and puts its pieces into a sink, no faster than the sink takes them. It is
// the same for every version of HTTP; a sink defines how content goes out and when there is room:
//
//   static constexpr std::uint64_t kBytesPerTurn;  // after these, others have a turn
//   bool is_full(const PolledBodySource* rest);    // nothing more is to be pulled before room();
//                                                  // `rest`: what is left, if that is known
//   std::size_t max_piece();                       // how large a piece may be
//   bool ends_early();                             // the end needs no more than to be known
//   Result<void> put(bytes piece);
//   Result<void> end(const Headers& trailers);
//   io::Reactor& reactor();
//
// A sender owns the pump and its sink. Thread: owner.
#pragma once

#include <onehop/body.hpp>

#include "base/check.hpp"
#include "base/poll.hpp"
#include "http/message_access.hpp"
#include "http/polled_body_source.hpp"
#include "io/reactor.hpp"
#include "io/yield.hpp"
#include "wire/body_progress.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace onehop::wire {

class BodyPump {
 public:
  // The next step needs this first.
  enum class Need : std::uint8_t { room, piece, turn };
  using Piece = Poll<bytes>;

  // `body` and `progress` live until the end. `length`: what the head has promised.
  void begin(Body& body, BodyProgress& progress, std::optional<std::uint64_t> length) noexcept {
    body_ = &body;
    progress_ = &progress;
    before_ = progress.sent;
    length_ = length;
    turn_ = 0;
    need_ = Need::room;
  }
  bool has_begun() const noexcept { return body_ != nullptr; }
  Need need() const noexcept { return need_; }
  void wait_for_room() noexcept { need_ = Need::room; }

  // Goes on without waiting, from `piece` on, if there is one: to the end, with trailers, or to an
  // error; std::nullopt if something is needed first. Errors carry the side they came from.
  template <class Sink>
  Poll<void> step(Sink& sink, Piece piece) {
    ONEHOP_DCHECK(has_begun());
    PolledBodySource* const polled = MessageAccess::polled(*MessageAccess::source(*body_));
    for (;;) {
      if (!piece) {
        if (sink.is_full(polled)) return stop_for(Need::room);
        if (turn_ >= Sink::kBytesPerTurn) {
          turn_ = 0;
          return stop_for(Need::turn);
        }
        if (polled) piece = polled->try_read(sink.max_piece());
        if (!piece) return stop_for(Need::piece);
      }
      if (!*piece) return failure(piece->error());
      if ((*piece)->empty()) break;
      if (auto taken = take(sink, **piece); !taken) return taken;
      piece.reset();
      if (polled && sink.ends_early() && polled->at_end()) break;
    }
    return end(sink);
  }

  // The end of a body, all of which has been put.
  template <class Sink>
  Result<void> end(Sink& sink) {
    if (length_ && sent() < *length_) {
      return failure(Errc::handler_failed, Side::local, "the body is shorter than it said");
    }
    return sink.end(body_->trailers());
  }

  // Waits for what is needed and goes on with sender.step(), until that has a result.
  // sender.room() waits for room; sender.before_wait() is called first.
  template <class Sender>
  task<Result<void>> send_rest(Sender& sender) {
    for (;;) {
      Piece piece;
      sender.before_wait();
      switch (need_) {
        case Need::room: {
          auto room = co_await sender.room();
          if (!room) co_return room;
          break;
        }
        case Need::turn:
          co_await io::yield(sender.reactor());
          break;
        case Need::piece:
          if (PolledBodySource* const polled =
                  MessageAccess::polled(*MessageAccess::source(*body_))) {
            co_await polled->wait();
          } else {
            auto read = co_await MessageAccess::source(*body_)->read();
            piece = std::move(read);
          }
      }
      auto done = sender.step(std::move(piece));
      if (done) co_return std::move(*done);
    }
  }

 private:
  std::nullopt_t stop_for(Need need) noexcept {
    need_ = need;
    return std::nullopt;
  }
  std::uint64_t sent() const noexcept { return progress_->sent - before_; }

  template <class Sink>
  Result<void> take(Sink& sink, bytes piece) {
    if (length_ && piece.size() > *length_ - sent()) {
      return failure(Errc::handler_failed, Side::local, "the body is longer than it said");
    }
    ONEHOP_DCHECK(!piece.empty());
    turn_ += piece.size();
    progress_->record(piece, sink.reactor().now());
    return sink.put(piece);
  }

  Body* body_ = nullptr;
  BodyProgress* progress_ = nullptr;
  std::uint64_t before_ = 0;  // progress_->sent at the beginning
  std::optional<std::uint64_t> length_;
  std::uint64_t turn_ = 0;  // bytes since others had a turn
  Need need_ = Need::room;
};

}  // namespace onehop::wire
