// SPDX-License-Identifier: Apache-2.0
//
// Session is one HTTP/2 connection without I/O (RFC 9113), in either role. The owner passes
// received bytes to receive(), writes the bytes of produce() to the connection, and calls
// deliver_events() to notify the streams. The session handles windows, limits and floods.
// Thread: owner.
#pragma once

#include "http/h2/flood_guard.hpp"
#include "http/h2/stream.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace onehop::h2 {

enum class Role : std::uint8_t { server, client };

struct SessionLimits {
  // Streams that the peer may have open.
  std::uint32_t max_streams = 128;
  // Bytes that the peer may send on one stream before they are read. Grows for a reader that keeps
  // up.
  std::uint32_t stream_window = 256 * 1024;
  // Bytes in flight on the connection. Grows with traffic. Unread content does not count.
  std::uint32_t connection_window = 1024 * 1024;
  FieldLimits fields = {};
  // Client: the maximum number of 1xx responses to one request.
  std::size_t max_informational = 64;
  // The maximum size of a header block to send. It is too large to stop an application's fields; it
  // only keeps the arithmetic of nghttp2 from overflowing.
  std::size_t max_sent_block = std::size_t{1} << 30U;
};
// The maximum sizes of a stream's and a connection's window, and the maximum by which all stream
// windows of a connection together may grow, in bytes.
inline constexpr std::uint32_t kMaxStreamWindow = 4 * 1024 * 1024;
inline constexpr std::uint32_t kMaxConnectionWindow = 16 * 1024 * 1024;
inline constexpr std::size_t kMaxGranted = std::size_t{16} * 1024 * 1024;

// The bytes with which a server that is out of memory refuses a connection: SETTINGS, and a GOAWAY
// which states that no stream was processed. Sending them does not need a session.
extern const std::string_view kConnectionRefused;

// SessionObserver gets events from inside receive() and produce(). It must not call the session.
class SessionObserver {
 public:
  SessionObserver() = default;
  SessionObserver(const SessionObserver&) = delete;
  SessionObserver& operator=(const SessionObserver&) = delete;

  // Server: a request begins. Returns the stream for it, or null to refuse it.
  virtual Stream* on_request() = 0;
  // Server: a request was refused because max_streams are open.
  virtual void on_stream_refused() {}
  // The peer's SETTINGS arrived.
  virtual void on_settings() {}
  virtual void on_ping_answered() {}
  // The peer will not serve our streams above `last_stream`, for `reason`.
  virtual void on_goaway(std::int32_t last_stream, ErrorCode reason) {
    (void)last_stream;
    (void)reason;
  }

 protected:
  ~SessionObserver() = default;
};

class Session {
 public:
  using Time = FloodGuard::Time;

  Session(Role role, const SessionLimits& limits, SessionObserver& observer);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Processes received bytes. Returns false if the connection is over; produce() then still returns
  // the frames that report why.
  bool receive(std::string_view data, Time now);
  // Writes as many frames into `memory` as fit and returns their size in bytes. `memory` must have
  // room for two frames, kMinMemory.
  static constexpr std::size_t kMinMemory = 2 * (16 * 1024 + 16);
  std::size_t produce(std::span<char> memory);
  // Calls Stream::on_event() of every stream that has events. User code may run inside.
  void deliver_events();
  bool has_events() const noexcept;

  // Client: opens a request on `stream`. Returns false if this connection accepts no more streams.
  bool open(Stream& stream, const FieldList& fields, bool end);
  // Tests only. Client: sets the number of the next stream. Numbers grow; there are 2^30 of them.
  void number_next_stream(std::int32_t id);
  // Client: the number of streams that the peer allows, whether its SETTINGS have arrived, and
  // whether they allow extended CONNECT (RFC 8441).
  std::uint32_t peer_max_streams() const noexcept;
  bool peer_settings_known() const noexcept;
  bool peer_takes_extended_connect() const noexcept;

  // The number of open streams, including those whose reset has not been produced.
  std::size_t streams() const noexcept;
  // Client: reports whether resets of cancelled requests are withheld, so that the upstream does
  // not take them for a flood. While they are, call release_resets() every kBetweenResets.
  bool has_withheld_resets() const noexcept;
  void release_resets(Time now);
  static constexpr std::chrono::milliseconds kBetweenResets{100};
  // End the connection gracefully (RFC 9113 §6.8). announce_end() announces the end and sends a
  // PING, whose acknowledgement shows that the peer has seen it. end_after_streams() then names the
  // last stream.
  void announce_end();
  void end_after_streams();
  // Sends GOAWAY with `code`, and nothing after it.
  void terminate(ErrorCode code);
  void ping();
  // Server: sends a new limit on the streams that the peer may have open. Streams beyond it are
  // refused at once. Returns false if the limit is unchanged or memory is exhausted.
  bool set_max_streams(std::uint32_t max) noexcept;
  // Reports whether no more bytes need to be exchanged.
  bool is_over() const noexcept;
  // Reports whether the session ended itself because the peer flooded it (ENHANCE_YOUR_CALM).
  bool found_flood() const noexcept;
  // Tests only. Returns why the session ended itself, or "" if it did not.
  const char* reason() const noexcept;

 private:
  friend class Stream;
  std::unique_ptr<SessionState> state_;
};

}  // namespace onehop::h2
