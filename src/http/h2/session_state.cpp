// SPDX-License-Identifier: Apache-2.0

#include "http/h2/session_state.hpp"

#include "base/held_memory.hpp"
#include "base/promised_memory.hpp"

#include <algorithm>

#include <nghttp2/nghttp2.h>

namespace onehop::h2 {

SessionState::SessionState(Role r, const SessionLimits& l, SessionObserver& o)
    : role(r), limits(l), observer(o), window_(l.connection_window) {}

SessionState::~SessionState() {
  nghttp2_session_del(session);
  members.splice_back(withheld);
  while (Stream::Member* member = members.pop_front()) {
    if (Stream* const stream = member->stream) {
      static_cast<ListNode&>(*stream).unlink();
      promise(*stream, 0);
      stream->session_ = nullptr;
      stream->connection_lost();
    } else {
      const ArenaRef dying = std::move(member->arena);
    }
  }
}

bool SessionState::record_number(std::int32_t id) noexcept {
  if (id <= last_stream_) return false;
  if (id > last_stream_ + 2) {
    passed_over_after_ = last_stream_;
    passed_over_before_ = id;
  }
  last_stream_ = id;
  return true;
}

void SessionState::enter(Stream& stream, std::int32_t id) noexcept {
  stream.session_ = this;
  stream.id_ = id;
  stream.move_to(Stream::Life::open);
  stream.window_ = limits.stream_window;
  stream.member_->id = id;
  members.push_back(*stream.member_);
  ++streams;
}

Stream::Member* SessionState::member(std::int32_t id) noexcept {
  return static_cast<Stream::Member*>(nghttp2_session_get_stream_user_data(session, id));
}

Stream* SessionState::look_up(std::int32_t id) noexcept {
  const Stream::Member* const found = member(id);
  if (!found || !found->stream) return nullptr;
  found_ = found->stream;
  return found_;
}

// Detaches `stream` from nghttp2, whose callbacks then ignore it.
void SessionState::detach(Stream& stream) noexcept {
  if (found_ == &stream) found_ = nullptr;
  nghttp2_session_set_stream_user_data(session, stream.id_, nullptr);
}

void SessionState::close(Stream& stream) noexcept {
  detach(stream);
  promise(stream, 0);
  stream.move_to(Stream::Life::closed);
  granted_ -= stream.window_ - limits.stream_window;
  --streams;
  queue_events(stream);
}

// Called by the destructor of the stream object. If the stream is open, the session counts it until
// nghttp2 has closed it.
void SessionState::leave(Stream& stream) noexcept {
  promise(stream, 0);
  Stream::Member& member = *stream.member_;
  if (!stream.is_open()) {
    member.unlink();
  } else {
    if (found_ == &stream) found_ = nullptr;
    member.stream = nullptr;
    member.arena = stream.arena_;
    member.granted = stream.window_ - limits.stream_window;
    member.code = stream.cancel_code_;
    if (stream.life_ == Stream::Life::open && !stream.problem_) {
      cancel(member, stream.has_sent_head());
    }
    stream.move_to(Stream::Life::closed);
  }
  stream.session_ = nullptr;
}

// Resets to an upstream beyond the budget are withheld, because the upstream's flood guard would
// end the connection with all its requests. Meanwhile the upstream may end the stream.
void SessionState::cancel(Stream::Member& member, bool head_sent) noexcept {
  if (role == Role::client && head_sent && (!withheld.empty() || !cancels.allow(now))) {
    member.is_withheld = true;
    withheld.push_back(member);
    return;
  }
  submit_reset(member.id, member.code);
}

void SessionState::release_resets() noexcept {
  while (!withheld.empty() && cancels.allow(now))
    release(*withheld.pop_front());
}

void SessionState::release_reset(std::int32_t id) noexcept {
  Stream::Member* const found = member(id);
  if (!found || !found->is_withheld) return;
  cancels.spend(now);
  found->unlink();
  release(*found);
}

void SessionState::release(Stream::Member& member) noexcept {
  member.is_withheld = false;
  members.push_back(member);
  submit_reset(member.id, member.code);
}

void SessionState::close_dead(std::int32_t id) noexcept {
  Stream::Member* const dead = member(id);
  if (!dead) return;
  nghttp2_session_set_stream_user_data(session, id, nullptr);
  dead->unlink();
  granted_ -= dead->granted;
  --streams;
  const ArenaRef dying = std::move(dead->arena);
}

bool SessionState::is_withheld(std::int32_t id) noexcept {
  const Stream::Member* const found = member(id);
  return found && found->is_withheld;
}

void SessionState::pass_over(std::size_t size) noexcept {
  require(nghttp2_session_consume_connection(session, size));
}

void SessionState::fail(ErrorCode code, const char* why) noexcept {
  if (failed) return;
  failed = true;
  failure = code;
  reason = why;
  // If there is no memory for the GOAWAY, the connection ends without it.
  (void)nghttp2_session_terminate_session(session, static_cast<std::uint32_t>(code));
}

void SessionState::require(int result) noexcept {
  if (result != 0) fail(ErrorCode::internal_error, nghttp2_strerror(result));
}

void SessionState::submit_reset(std::int32_t id, ErrorCode code) noexcept {
  require(
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(code)));
}

void SessionState::give_up_sending(Stream& stream, const char* why) noexcept {
  if (stream.send_problem_) return;
  stream.send_problem_ = why;
  stream.reset(ErrorCode::internal_error);
}

// --- windows ---
// The connection's window is returned as content arrives, whether or not the content is read. It
// bounds the bytes in flight only, so no stream can block the others. The stream windows bound
// unread content. They are returned as content is taken, and together grow at most kMaxGranted
// above their initial sizes.

void SessionState::count_received(Stream& stream, std::size_t size) {
  stream.received_bytes_ += size;
  require(nghttp2_session_consume_connection(session, size));
  if (stream.dropping_) {
    require(nghttp2_session_consume_stream(session, stream.id_, size));
  } else {
    promise(stream, stream.promised_ - std::min(stream.promised_, size));  // counted as held
  }
  received_ += size;
  if (window_ >= kMaxConnectionWindow || received_ - grown_at_ < window_ || memory_is_short())
    return;
  grown_at_ = received_;
  window_ = std::min(window_ * 2, kMaxConnectionWindow);
  require(nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                                static_cast<std::int32_t>(window_)));
}

void SessionState::count_taken(Stream& stream, std::size_t size) {
  if (!stream.is_open() || stream.has_ended()) return;
  require(nghttp2_session_consume_stream(session, stream.id_, size));
  if (stream.dropping_) return promise(stream, 0);  // later content is not kept
  promise(stream, stream.promised_ + size);
  grow(stream);
}

// Counts memory for the content that may arrive, so that the server does not admit work for which
// there would be none.
void SessionState::promise(Stream& stream, std::size_t size) noexcept {
  if (size > stream.promised_) count_promised(size - stream.promised_);
  if (size < stream.promised_) count_redeemed(stream.promised_ - size);
  stream.promised_ = size;
}

// Enlarges the window of a stream whose reader has kept up with a full window of content.
void SessionState::grow(Stream& stream) {
  if (stream.window_ >= kMaxStreamWindow || stream.has_piece()) return;
  if (memory_is_short()) return;
  if (stream.received_bytes_ - stream.grown_at_ < stream.window_) return;
  const std::uint32_t larger = std::min(stream.window_ * 2, kMaxStreamWindow);
  if (granted_ + (larger - stream.window_) > kMaxGranted) return;
  granted_ += larger - stream.window_;
  promise(stream, stream.promised_ + (larger - stream.window_));
  stream.window_ = larger;
  stream.grown_at_ = stream.received_bytes_;
  require(nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, stream.id_,
                                                static_cast<std::int32_t>(larger)));
}

}  // namespace onehop::h2
