// SPDX-License-Identifier: Apache-2.0
//
// SessionState holds the nghttp2 session and the data of its callbacks. Only the sources of this
// folder include this header.
// Thread: owner.
#pragma once

#include "http/h2/cancel_budget.hpp"
#include "http/h2/session.hpp"

#include <cstddef>
#include <cstdint>

struct nghttp2_session;

namespace onehop::h2 {

class SessionState {
 public:
  SessionState(Role role, const SessionLimits& limits, SessionObserver& observer);
  SessionState(const SessionState&) = delete;
  SessionState& operator=(const SessionState&) = delete;
  ~SessionState();

  // Server: records a head that arrived on stream `id`. Returns true if `id` is the highest so far.
  bool record_number(std::int32_t id) noexcept;
  // Server: reports whether `id` can no longer become a request, because one with a higher number
  // came first (RFC 9113 §5.1.1). Only the latest gap of unused numbers is remembered.
  bool was_passed_over(std::int32_t id) const noexcept {
    return id > passed_over_after_ && id < passed_over_before_;
  }

  void queue_events(Stream& stream) noexcept {
    if (!stream.is_linked()) changed.push_back(stream);
  }
  // Returns the open stream `id`, or null. nghttp2 calls back many times per frame, so the last
  // result is cached.
  Stream* find(std::int32_t id) noexcept {
    return found_ != nullptr && found_->id_ == id ? found_ : look_up(id);
  }
  void enter(Stream& stream, std::int32_t id) noexcept;
  // Returns the pointer that nghttp2 keeps with the stream.
  static void* entry_of(Stream& stream) noexcept { return stream.member_; }
  void leave(Stream& stream) noexcept;
  // Closes `stream`, which nghttp2 has closed.
  void close(Stream& stream) noexcept;
  // Like close(), for a stream object that was destroyed while open.
  void close_dead(std::int32_t id) noexcept;
  // Counts content that arrived for a destroyed stream.
  void pass_over(std::size_t size) noexcept;
  // Reports whether the destroyed stream's reset is withheld.
  bool is_withheld(std::int32_t id) noexcept;
  // Releases as many withheld resets as the budget allows.
  void release_resets() noexcept;
  // Releases a reset at once: a DATA frame of the stream is due, and its content is gone.
  void release_reset(std::int32_t id) noexcept;

  // Notes that the peer may send content on `stream`, as much as the stream's window allows.
  void expect_content(Stream& stream) noexcept { promise(stream, stream.window_); }
  // Notes that the peer has sent all content of `stream`.
  void expect_no_more(Stream& stream) noexcept { promise(stream, 0); }
  // Count content of a stream: when it arrives, and when it is taken or dropped.
  void count_received(Stream& stream, std::size_t size);
  void count_taken(Stream& stream, std::size_t size);

  // Ends the connection with an error. Only the first call has an effect.
  void fail(ErrorCode code, const char* why) noexcept;
  // Ends the connection if a submission to nghttp2 failed. Every submission is checked, because
  // nghttp2 would silently lose a frame for which there is no memory.
  void require(int result) noexcept;
  // Submits RST_STREAM.
  void submit_reset(std::int32_t id, ErrorCode code) noexcept;
  // Ends a stream whose head or trailers cannot be sent.
  void give_up_sending(Stream& stream, const char* why) noexcept;

  nghttp2_session* session = nullptr;
  const Role role;
  SessionLimits limits;
  SessionObserver& observer;
  FloodGuard guard;
  FloodGuard::Time now{};
  IntrusiveList<Stream> changed;
  IntrusiveList<Stream::Member> members;
  IntrusiveList<Stream::Member> withheld;
  CancelBudget cancels;
  const char* reason = "";
  ErrorCode failure = ErrorCode::no_error;
  std::size_t streams = 0;

  // The header block that is being received: its small CONTINUATION frames, and its bytes.
  std::size_t continuations = 0;
  std::size_t block_bytes = 0;

  // The output buffer of produce().
  char* out = nullptr;
  std::size_t out_capacity = 0;
  std::size_t out_size = 0;

  bool failed = false;
  bool settings_known = false;

 private:
  Stream* look_up(std::int32_t id) noexcept;
  Stream::Member* member(std::int32_t id) noexcept;
  void detach(Stream& stream) noexcept;
  void cancel(Stream::Member& member, bool head_sent) noexcept;
  void release(Stream::Member& member) noexcept;
  void grow(Stream& stream);
  static void promise(Stream& stream, std::size_t size) noexcept;

  Stream* found_ = nullptr;
  std::int32_t last_stream_ = -1;  // the highest number of a peer's request
  std::int32_t passed_over_after_ = 0;
  std::int32_t passed_over_before_ = 0;
  std::size_t granted_ = 0;  // the sum by which the windows of open streams have grown
  std::uint64_t received_ = 0;
  std::uint64_t grown_at_ = 0;
  std::uint32_t window_;
};

}  // namespace onehop::h2
