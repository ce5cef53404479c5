// SPDX-License-Identifier: Apache-2.0
//
// SessionState: the inside of a Session: the nghttp2 session and what its callbacks work on. Only
// the sources of this folder know it. One thread.
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

  // Server: a head came on a stream with this number. True when it is the highest so far.
  bool note_number(std::int32_t id) noexcept;
  // Server: a request that cannot be, since one with a higher number came first (RFC 9113 §5.1.1).
  // All numbers that have been are too many to remember; of those that have not, the latest are.
  bool was_passed_over(std::int32_t id) const noexcept {
    return id > passed_over_behind_ && id < passed_over_before_;
  }

  void push_news(Stream& stream) noexcept {
    if (!stream.is_linked()) changed.push_back(stream);
  }
  // Null where there is none, or none any more. nghttp2 calls back many times for one frame: the
  // last stream that was found is remembered.
  Stream* find(std::int32_t id) noexcept {
    return found_ != nullptr && found_->id_ == id ? found_ : look_up(id);
  }
  void enter(Stream& stream, std::int32_t id) noexcept;
  // What nghttp2 keeps for us with a stream.
  static void* entry_of(Stream& stream) noexcept { return stream.member_; }
  void leave(Stream& stream) noexcept;
  // Both sides have ended it.
  void close(Stream& stream) noexcept;
  // The same for one that has died while it was open.
  void close_dead(std::int32_t id) noexcept;
  // Content came for one that has died.
  void pass_over(std::size_t byte_count) noexcept;
  // It has died, and its reset waits.
  bool is_withheld(std::int32_t id) noexcept;
  // Those resets, as many as may be now.
  void release_resets() noexcept;
  // One of them cannot wait: a frame of its content has begun, and nobody has that any more.
  void release_reset(std::int32_t id) noexcept;

  // The peer may send content on `stream`, as much as its window lets through.
  void expect_content(Stream& stream) noexcept { promise(stream, stream.window_); }
  // It has sent all of it.
  void expect_no_more(Stream& stream) noexcept { promise(stream, 0); }
  // Content came; was taken, or never will be.
  void note_received(Stream& stream, std::size_t byte_count);
  void note_taken(Stream& stream, std::size_t byte_count);

  // Ends the connection with an error, once.
  void fail(ErrorCode code, const char* why) noexcept;
  // Every result of submitting something to nghttp2 comes here: what it has no memory for would be
  // missing in silence.
  void require(int result) noexcept;
  // RST_STREAM.
  void submit_reset(std::int32_t id, ErrorCode code) noexcept;
  // A head or trailers of ours cannot be sent: ends the stream.
  void give_up_sending(Stream& stream, const char* why) noexcept;

  nghttp2_session* session = nullptr;
  const Role role;
  const SessionLimits limits;
  SessionObserver& observer;
  FloodGuard guard;
  FloodGuard::Time now{};
  IntrusiveList<Stream> changed;
  IntrusiveList<Stream::Member> members;
  IntrusiveList<Stream::Member> withheld;
  CancelBudget cancels;
  const char* reason = "";
  std::size_t streams = 0;

  // A header block in pieces.
  std::size_t continuations = 0;
  std::size_t block_bytes = 0;

  // Where produce() writes.
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
  std::int32_t last_stream_ = -1;  // the highest number a peer's request has had
  std::int32_t passed_over_behind_ = 0;
  std::int32_t passed_over_before_ = 0;
  std::size_t granted_ = 0;  // by how much the windows of open streams have grown
  std::uint64_t received_ = 0;
  std::uint64_t grown_at_ = 0;
  std::uint32_t window_;
};

}  // namespace onehop::h2
