// SPDX-License-Identifier: Apache-2.0
//
// BodyPump pulls the pieces of a body and puts them into a sink, no faster than the sink accepts
// them. It is the same for every version of HTTP; the sink defines how content is sent and when
// there is room:
//
//   static constexpr std::uint64_t kBytesPerTurn;  // after this many bytes, other tasks run;
//                                                  // each piece counts as kPieceCost more
//   bool is_full(const PolledBodySource* source);  // whether the pump must await room() first;
//                                                  // `source` is null if it cannot be polled
//   std::size_t max_piece();                       // the maximum size of the next piece
//   bool ends_early();                             // whether end() may follow the last piece
//                                                  // even if the sink is full
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
  // The condition that the next step() waits for.
  enum class Need : std::uint8_t { room, piece, turn };
  using Piece = Poll<bytes>;
  // A small piece takes about as long as this many bytes of a large one.
  static constexpr std::uint64_t kPieceCost = 1024;

  // Prepares to send `body`. `body` and `progress` must stay until it is sent. `length` is the
  // size of the content that the head announced, if it did.
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

  // Pulls and puts pieces without waiting, beginning with `piece` if there is one, until the end of
  // the body (trailers included) or an error. Returns std::nullopt if the caller must first wait
  // for need(). Errors carry the side that caused them.
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

  // Ends a body after its last piece has been put.
  template <class Sink>
  Result<void> end(Sink& sink) {
    if (length_ && sent() < *length_) {
      return failure(Errc::handler_failed, Side::local,
                     "the body is shorter than its declared length");
    }
    return sink.end(body_->trailers());
  }

  // Waits for need() and calls sender.step() until that returns a result. sender.before_wait() is
  // called before each wait; sender.room() waits for room.
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
            progress_->is_reading = true;
            auto read = co_await MessageAccess::source(*body_)->read();
            progress_->is_reading = false;
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
      return failure(Errc::handler_failed, Side::local,
                     "the body is longer than its declared length");
    }
    ONEHOP_DCHECK(!piece.empty());
    turn_ += piece.size() + kPieceCost;
    progress_->record(piece, sink.reactor().now());
    return sink.put(piece);
  }

  Body* body_ = nullptr;
  BodyProgress* progress_ = nullptr;
  std::uint64_t before_ = 0;  // progress_->sent when this body began
  std::optional<std::uint64_t> length_;
  std::uint64_t turn_ = 0;  // bytes since other tasks last ran, and the cost of their pieces
  Need need_ = Need::room;
};

}  // namespace onehop::wire
