// SPDX-License-Identifier: Apache-2.0

#include "http/h2/stream.hpp"

#include "base/arena.hpp"
#include "base/held_memory.hpp"
#include "http/h2/callbacks.hpp"
#include "http/h2/session_state.hpp"

#include <algorithm>
#include <utility>

#include <nghttp2/nghttp2.h>

namespace onehop::h2 {
namespace {

// An emptied buffer is freed if its capacity is larger than this, or while memory is short.
constexpr std::size_t kKept = 64 * 1024;

template <class Bytes>
void empty(Bytes& buffer) {
  if (buffer.capacity() > kKept || memory_is_short()) {
    Bytes().swap(buffer);
  } else {
    buffer.clear();
  }
}

// Like append(), but grows the capacity to at most `max` bytes unless more are needed. append() may
// double it.
template <class Bytes>
void append_within(Bytes& buffer, std::string_view text, std::size_t max) {
  const std::size_t needed = buffer.size() + text.size();
  if (needed > buffer.capacity()) {
    Bytes larger;
    larger.reserve(std::max(needed, std::min(2 * buffer.capacity(), max)));
    larger.append(buffer);
    buffer.swap(larger);
  }
  buffer.append(text);
}

}  // namespace

Stream::Stream(ArenaRef arena) : arena_(std::move(arena)), member_(arena_->make<Member>(*this)) {}

Stream::~Stream() {
  if (session_) session_->leave(*this);
}

std::optional<FieldSection> Stream::take_head() {
  if (!informational_.empty()) {
    std::optional<FieldSection> first(std::move(informational_.front()));
    informational_.erase(informational_.begin());
    if (informational_.empty()) interim_ = {};
    return first;
  }
  if (!has_final_head()) return std::nullopt;
  return std::exchange(section_, {});
}

std::string_view Stream::take_piece(std::size_t max) {
  if (credit_ > 0 && session_) session_->count_taken(*this, std::exchange(credit_, 0));
  if (taken_at_ == taken_.size()) {
    empty(taken_);
    taken_at_ = 0;
    std::swap(received_, taken_);
  } else if (taken_.size() > kKept && taken_at_ >= taken_.size() / 2) {
    // The peer may send as many bytes again as were read. Keeping both would use twice the window.
    Bytes(taken_, taken_at_).swap(taken_);
    taken_at_ = 0;
  }
  const std::string_view piece = std::string_view(taken_).substr(taken_at_, max);
  taken_at_ += piece.size();
  credit_ = piece.size();
  return piece;
}

void Stream::drop_content() {
  drop_unread();
  Bytes().swap(taken_);
  taken_at_ = 0;
  if (credit_ > 0 && session_) session_->count_taken(*this, std::exchange(credit_, 0));
}

// The last piece stays: the caller may still be using it.
void Stream::drop_unread() {
  dropping_ = true;
  const std::size_t size = received_.size() + taken_.size() - taken_at_;
  Bytes().swap(received_);
  taken_.resize(taken_at_);
  if (session_) session_->count_taken(*this, size);
}

void Stream::keep(std::string_view content) {
  append_within(received_, content, window_);
}

void Stream::reset(ErrorCode code) {
  if (life_ != Life::open) return;
  move_to(Life::reset);
  to_send_.clear();
  to_send_at_ = 0;
  session_->submit_reset(id_, code);
}

void Stream::cancel_with(ErrorCode code, std::chrono::steady_clock::time_point now) noexcept {
  cancel_code_ = code;
  if (session_) session_->now = now;
}

void Stream::connection_lost() noexcept {
  if (is_closed()) return;
  move_to(Life::closed);
  close_code_ = ErrorCode::connect_error;
}

bool Stream::send_informational(const FieldList& fields) {
  if (!takes(Part::head)) return false;
  std::size_t size = 0;
  for (const Field& field : fields)
    size += interim_cost(field.name.size(), field.value.size());
  if (unsent_interim_ + size > kMaxInterim) return false;
  unsent_interim_ += size;
  Callbacks::submit_informational(*session_, *this, fields);
  return true;
}

void Stream::send_head(const FieldList& fields, bool end) {
  if (!takes(Part::head)) return;
  mark_given(end ? Part::all : Part::head);
  Callbacks::submit_response(*session_, *this, fields, end);
}

void Stream::send(std::string_view piece) {
  if (!takes(Part::all)) return;
  if (to_send_at_ == to_send_.size()) {
    empty(to_send_);
    to_send_at_ = 0;
  } else if (to_send_at_ >= unsent()) {
    to_send_.erase(0, to_send_at_);  // a peer that reads in small pieces may never take all of it
    to_send_at_ = 0;
  }
  append_within(to_send_, piece, to_send_.size() + kKept);
  if (std::exchange(deferred_, false)) {
    session_->require(nghttp2_session_resume_data(session_->session, id_));
  }
}

void Stream::send_end(const FieldList& trailers) {
  if (!takes(Part::all)) return;
  FieldList copies;
  for (const Field& field : trailers)
    copies.push_back({arena_->copy(field.name), arena_->copy(field.value)});
  trailers_to_send_ = std::move(copies);
  mark_given(Part::all);  // last: without its trailers the message would look complete
  if (std::exchange(deferred_, false)) {
    session_->require(nghttp2_session_resume_data(session_->session, id_));
  }
}

void Stream::notify_below(std::size_t low) noexcept {
  low_ = low;
  notify_below_ = true;
  if (unsent() <= low && session_) {
    notify_below_ = false;
    session_->queue_events(*this);
  }
}

}  // namespace onehop::h2
