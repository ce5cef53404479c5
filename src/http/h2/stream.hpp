// SPDX-License-Identifier: Apache-2.0
//
// Stream: one request and its answer on a Session. Derive from it to hear of what happens. Content
// received waits here until it is taken, and only then does the peer get room for more. What is to
// be sent is kept here until the windows and the connection let it go.
// May outlive its session. One thread.
#pragma once

#include <onehop/task.hpp>

#include "base/intrusive_list.hpp"
#include "http/h2/error_code.hpp"
#include "http/h2/field_mapping.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace onehop::h2 {

class Session;
class SessionState;

class Stream : public ListNode, public detail::InFramePool {
 public:
  // `arena`: the memory of the messages of this stream.
  explicit Stream(ArenaRef arena);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  // Resets it with CANCEL, or what cancel_with() said, if it is open. It counts as one of the
  // session's streams until the reset has been produced.
  virtual ~Stream();

  // Something has changed of what is told below. Called from Session::deliver_events() alone.
  virtual void on_event() = 0;

  const ArenaRef& arena() const noexcept { return arena_; }

  // --- received ---
  // The next field section that is complete and no trailers: the head, and before that of a
  // response informational ones.
  bool has_head() const noexcept { return head_complete_ || !informational_.empty(); }
  std::optional<FieldSection> take_head();
  // What came of a head that is not complete, or not taken.
  const FieldSection* incomplete_head() const noexcept { return section_ ? &*section_ : nullptr; }
  // The next piece of content, of `most` bytes at most, valid until the next call; empty when there
  // is none now. Taking one gives the peer room for as much as the one before.
  std::string_view take_piece(std::size_t most = std::string_view::npos);
  bool has_piece() const noexcept { return !received_.empty() || taken_at_ < taken_.size(); }
  // The peer has said all it will say; and all of it was taken.
  bool has_ended() const noexcept { return ended_; }
  bool at_end() const noexcept { return ended_ && !has_piece(); }
  // Bytes of content so far.
  std::uint64_t received() const noexcept { return received_bytes_; }
  // The problem of a head for which there is no memory; its stream is reset with REFUSED_STREAM.
  static constexpr const char kMemoryIsShort[] = "a large head while memory is short";  // NOLINT
  // Why the peer's message is malformed and its stream reset with PROTOCOL_ERROR (RFC 9113 §8.1.1);
  // null where it is not.
  const char* problem() const noexcept { return problem_; }
  // Why a head or trailers of ours could not be sent, so that the stream was reset with
  // INTERNAL_ERROR; null where they were.
  const char* send_problem() const noexcept { return send_problem_; }
  bool has_trailers() const noexcept { return trailers_.has_value(); }
  // Once, after at_end().
  std::optional<FieldSection> take_trailers() noexcept { return std::exchange(trailers_, {}); }
  // Nobody will take any more of the content.
  void drop_content();

  // --- the stream ---
  std::int32_t id() const noexcept { return id_; }
  bool is_open() const noexcept { return open_; }
  // Over for both sides, or lost with its connection.
  bool is_closed() const noexcept { return closed_; }
  // no_error when both sides ended it.
  ErrorCode close_code() const noexcept { return close_code_; }
  // Ends it for both sides. Nothing more is heard of it but that it is closed.
  void reset(ErrorCode code);
  // The code of the reset that it gets when it dies while it is open.
  void cancel_with(ErrorCode code, std::chrono::steady_clock::time_point now) noexcept;
  // For a connection that is gone.
  void connection_lost() noexcept;

  // --- to send ---
  // An informational response. Copied; one that finds kMaxInterim bytes of others that the peer
  // has not read yet is dropped.
  void send_informational(const FieldList& fields);
  // The head of a response; its text likewise. `end`: neither content nor trailers follow.
  void send_head(const FieldList& fields, bool end);
  // Content behind the head. Copied.
  void send(std::string_view piece);
  // All content was given. The trailers' text is copied.
  void send_end(const FieldList& trailers);
  // Bytes given and not yet framed; framed so far.
  std::size_t unsent() const noexcept { return to_send_.size() - to_send_at_; }
  std::uint64_t sent() const noexcept { return sent_bytes_; }
  // Client: the head was produced: it may have left this machine.
  bool has_sent_head() const noexcept { return sent_head_; }
  // The last frame of ours was produced.
  bool has_sent_end() const noexcept { return sent_end_; }
  // on_event() once unsent() is no more than `low`.
  void tell_below(std::size_t low) noexcept;

 private:
  friend class Session;
  friend class SessionState;
  friend struct Callbacks;
  // What a response means hangs on the request.
  enum class Asked : std::uint8_t { content, head, tunnel };
  static constexpr std::uint64_t kAnyLength = ~std::uint64_t{0};
  // What a session knows of it, in its arena: outlives a stream that dies while it is open.
  struct Member : ListNode {
    explicit Member(Stream& s) noexcept : stream(&s) {}
    Stream* stream;  // null when it is dead
    ArenaRef arena;  // of a dead one: what frames not yet produced may refer to
    std::int32_t id = 0;
    std::uint32_t granted = 0;
    ErrorCode code = ErrorCode::cancel;
    bool is_withheld = false;  // its reset waits until there may be another
  };

  // What a line of an interim response counts while it waits to be sent.
  static constexpr std::size_t interim_cost(std::size_t name, std::size_t value) noexcept {
    return name + value + 32;
  }
  void drop_unread();
  // Content that came, which the window of the stream has let through.
  void keep(std::string_view content);

  ArenaRef arena_;
  SessionState* session_ = nullptr;
  Member* member_;
  std::int32_t id_ = 0;
  ErrorCode close_code_ = ErrorCode::no_error;
  ErrorCode cancel_code_ = ErrorCode::cancel;
  const char* problem_ = nullptr;
  const char* send_problem_ = nullptr;

  std::optional<FieldSection> section_;  // being received, or complete and not taken
  std::vector<FieldSection> informational_;
  InterimMemory interim_;
  std::size_t interims_ = 0;        // that have come so far
  std::size_t unsent_interim_ = 0;  // bytes given and not yet framed
  std::optional<FieldSection> trailers_;
  // Most contents are small, and come and go with the stream.
  using Bytes = std::basic_string<char, std::char_traits<char>, detail::FramePoolAllocator<char>>;
  Bytes received_;            // not taken
  Bytes taken_;               // what the last piece views a part of
  std::size_t taken_at_ = 0;  // where the next one begins
  std::size_t credit_ = 0;    // of the last piece, for which the peer has no room yet
  std::size_t promised_ = 0;  // what the peer may still send before more is taken
  std::uint64_t received_bytes_ = 0;
  std::uint64_t expected_bytes_ = kAnyLength;  // of content, by the head
  std::uint64_t grown_at_ = 0;                 // received_bytes_ when the window was made larger
  std::uint32_t window_ = 0;

  Bytes to_send_;
  std::size_t to_send_at_ = 0;
  std::size_t low_ = 0;
  std::uint64_t sent_bytes_ = 0;
  FieldList trailers_to_send_;

  Asked asked_ = Asked::content;
  bool open_ = false;
  bool closed_ = false;
  bool head_complete_ = false;
  bool final_head_ = false;
  bool ended_ = false;
  bool dropping_ = false;
  bool deferred_ = false;  // the session waits to be told of more content
  bool finished_ = false;  // send_end() was called
  bool head_given_ = false;
  bool sent_head_ = false;
  bool sent_end_ = false;
  bool reset_by_us_ = false;
  bool tell_below_ = false;
};

}  // namespace onehop::h2
