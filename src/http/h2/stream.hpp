// SPDX-License-Identifier: Apache-2.0
//
// Stream is one request and its response on a Session. Derive from it to receive events. A stream
// keeps received content until it is taken; only then may the peer send more. It keeps content to
// send until the windows and the connection accept it. A stream may outlive its session.
// Thread: owner.
#pragma once

#include <onehop/task.hpp>

#include "base/arena.hpp"
#include "base/check.hpp"
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
  // `arena` is the memory of this stream's messages.
  explicit Stream(ArenaRef arena);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  // If the stream is open, resets it with CANCEL or the code of cancel_with(). The session counts
  // it until the reset has been produced.
  virtual ~Stream();

  // Called by Session::deliver_events() when state that the functions below report has changed.
  virtual void on_event() = 0;

  const ArenaRef& arena() const noexcept { return arena_; }

  // --- received ---
  // Report and return the next complete field section that is not trailers: interim responses
  // first, then the head.
  bool has_head() const noexcept { return has_final_head() || !informational_.empty(); }
  std::optional<FieldSection> take_head();
  // Returns the head that is not complete or has not been taken, or null.
  const FieldSection* incomplete_head() const noexcept { return section_ ? &*section_ : nullptr; }
  // Returns the next piece of content, of at most `max` bytes, or "" if none is available. It is
  // valid until the next call, which lets the peer send as many bytes again.
  std::string_view take_piece(std::size_t max = std::string_view::npos);
  bool has_piece() const noexcept { return !received_.empty() || taken_at_ < taken_.size(); }
  // has_ended() reports whether the peer has ended its message; at_end(), whether all content was
  // taken too.
  bool has_ended() const noexcept { return got_ == Part::all; }
  bool at_end() const noexcept { return has_ended() && !has_piece(); }
  // Returns the bytes of content received so far.
  std::uint64_t received() const noexcept { return received_bytes_; }
  // The problem() of a stream whose head was refused for lack of memory. The stream is reset with
  // REFUSED_STREAM.
  static constexpr const char kMemoryIsShort[] = "a large head while memory is short";  // NOLINT
  // Returns why the peer's message was refused and the stream reset, or null. The code is
  // PROTOCOL_ERROR if the message is malformed (RFC 9113 §8.1.1).
  const char* problem() const noexcept { return problem_; }
  // Returns why our head or trailers could not be sent, or null. A stream that the peer knows is
  // then reset with INTERNAL_ERROR.
  const char* send_problem() const noexcept { return send_problem_; }
  bool has_trailers() const noexcept { return trailers_.has_value(); }
  // Returns the trailers once, after at_end().
  std::optional<FieldSection> take_trailers() noexcept { return std::exchange(trailers_, {}); }
  // Discards unread content, and all content that arrives later.
  void drop_content();

  // --- the stream ---
  std::int32_t id() const noexcept { return id_; }
  bool is_open() const noexcept { return life_ == Life::open || life_ == Life::reset; }
  // Reports whether both sides have ended the stream, or its connection was lost.
  bool is_closed() const noexcept { return life_ == Life::closed; }
  // Returns why the stream was closed: no_error if both sides ended it.
  ErrorCode close_code() const noexcept { return close_code_; }
  // Ends the stream for both sides. The only event after this reports that it is closed.
  void reset(ErrorCode code);
  // Sets the code with which the destructor resets an open stream. `now` is the current time.
  void cancel_with(ErrorCode code, std::chrono::steady_clock::time_point now) noexcept;
  // Closes the stream because its connection is gone.
  void connection_lost() noexcept;

  // --- to send ---
  // Sends an interim response. Copies the text. Returns false if the response was dropped because
  // kMaxInterim bytes of earlier ones are still unsent, or the final head was passed on.
  bool send_informational(const FieldList& fields);
  // Sends the head of a response. Copies the text. If `end`, neither content nor trailers follow.
  void send_head(const FieldList& fields, bool end);
  // Sends content. Copies `piece`.
  void send(std::string_view piece);
  // Ends the content. Copies the trailers' text.
  void send_end(const FieldList& trailers);
  // unsent() returns the bytes passed to send() that are not framed yet; sent(), those framed.
  std::size_t unsent() const noexcept { return to_send_.size() - to_send_at_; }
  std::uint64_t sent() const noexcept { return sent_bytes_; }
  // Client: reports whether the head was produced, and so may have left this machine.
  bool has_sent_head() const noexcept { return sent_ >= Part::head; }
  // Reports whether our last frame was produced.
  bool has_sent_end() const noexcept { return sent_ == Part::all; }
  // Reports whether our message was passed to the stream as a whole, but its last frame was not
  // produced. That frame waits for the windows, even if it has no content.
  bool owes_end() const noexcept {
    return life_ == Life::open && given_ == Part::all && sent_ != Part::all;
  }
  // Requests one event once unsent() is at most `low`.
  void notify_below(std::size_t low) noexcept;

 private:
  friend class Session;
  friend class SessionState;
  friend struct Callbacks;
  // The kind of request: it decides whether content follows the head of a response.
  enum class Asked : std::uint8_t { content, head, tunnel };
  enum class Life : std::uint8_t {
    unopened,
    open,
    reset,  // by us; nghttp2 has not closed it yet
    closed,
  };
  // The progress of a message. `head` means the final head.
  enum class Part : std::uint8_t { nothing, head, all };
  static constexpr std::uint64_t kAnyLength = ~std::uint64_t{0};
  // The session's record of the stream, in the session's arena: it outlives a stream that is
  // destroyed while open.
  struct Member : ListNode {
    explicit Member(Stream& s) noexcept : stream(&s) {}
    Stream* stream;  // null once destroyed
    ArenaRef arena;  // once destroyed: frames not yet produced may refer to it
    std::int32_t id = 0;
    std::uint32_t granted = 0;
    ErrorCode code = ErrorCode::cancel;
    bool is_withheld = false;  // its reset waits for the budget
  };

  // The cost of one line of an interim response while it waits to be sent.
  static constexpr std::size_t interim_cost(std::size_t name, std::size_t value) noexcept {
    return name + value + 32;
  }
  void move_to(Life next) noexcept {
    ONEHOP_DCHECK(next > life_ && (next != Life::reset || life_ == Life::open));
    life_ = next;
  }
  void mark_received(Part part) noexcept {
    ONEHOP_DCHECK(part > got_ && !problem_);
    got_ = part;
  }
  // Reports whether the final head is complete and has not been taken.
  bool has_final_head() const noexcept { return got_ >= Part::head && section_ && !problem_; }
  void mark_given(Part part) noexcept {
    ONEHOP_DCHECK(part > given_);
    given_ = part;
  }
  // Records a frame that was produced. The same part may come again: a message may have more than
  // one field section.
  void mark_sent(Part part) noexcept {
    ONEHOP_DCHECK(part <= given_);
    if (part > sent_) sent_ = part;
  }
  // Reports whether `part` would be sent if the caller passed it to the stream.
  bool takes(Part part) const noexcept { return life_ == Life::open && given_ < part; }
  void drop_unread();
  // Keeps received content, which the stream's window bounds.
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
  std::size_t interims_ = 0;        // interim responses received so far
  std::size_t unsent_interim_ = 0;  // bytes not framed yet
  std::optional<FieldSection> trailers_;
  // Content is usually small and lives only as long as the stream.
  using Bytes = std::basic_string<char, std::char_traits<char>, detail::FramePoolAllocator<char>>;
  Bytes received_;            // not taken
  Bytes taken_;               // the buffer that the last piece views
  std::size_t taken_at_ = 0;  // where the next piece begins
  std::size_t credit_ = 0;    // bytes of the last piece, not yet returned to the peer's window
  std::size_t promised_ = 0;  // bytes that the peer may still send before more is taken
  std::uint64_t received_bytes_ = 0;
  std::uint64_t expected_bytes_ = kAnyLength;  // of content, from the head
  std::uint64_t grown_at_ = 0;                 // received_bytes_ when the window last grew
  std::uint32_t window_ = 0;

  Bytes to_send_;
  std::size_t to_send_at_ = 0;
  std::size_t low_ = 0;
  std::uint64_t sent_bytes_ = 0;
  FieldList trailers_to_send_;

  Asked asked_ = Asked::content;
  Life life_ = Life::unopened;
  Part got_ = Part::nothing;    // from the peer
  Part given_ = Part::nothing;  // to the session
  Part sent_ = Part::nothing;   // in frames; the head of a response is not recorded
  bool dropping_ = false;
  bool deferred_ = false;  // the session waits for more content
  bool notify_below_ = false;
};

}  // namespace onehop::h2
