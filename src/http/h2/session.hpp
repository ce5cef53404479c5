// SPDX-License-Identifier: Apache-2.0
//
// Session: one HTTP/2 connection without I/O (RFC 9113), for either role: bytes go in, bytes come
// out, and streams hear what happened when deliver_events() is called. Windows, limits and floods
// are its business; when bytes are read and written is its owner's. One thread.
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
  // Streams the peer may have open.
  std::uint32_t max_streams = 128;
  // What the peer may send of one stream before anybody reads; grows for a reader that keeps up.
  std::uint32_t stream_window = 256 * 1024;
  // What may be on its way at once; grows with what comes. What nobody reads does not count.
  std::uint32_t connection_window = 1024 * 1024;
  FieldLimits fields = {};
  // Client: 1xx responses to one request.
  std::size_t max_informational = 64;
  // Of a header block that is sent. What the application has made is sent: this only keeps the
  // arithmetic of nghttp2 from overflowing.
  std::size_t max_sent_block = std::size_t{1} << 30U;
};
// The sizes to which windows grow, and the most by which all stream windows together may grow.
inline constexpr std::uint32_t kMaxStreamWindow = 4 * 1024 * 1024;
inline constexpr std::uint32_t kMaxConnectionWindow = 16 * 1024 * 1024;
inline constexpr std::size_t kMaxGranted = std::size_t{16} * 1024 * 1024;

// What a server writes to refuse a connection for which it has no memory to spare: its SETTINGS,
// and a GOAWAY which says that no stream was processed. No session is needed for it.
extern const std::string_view kConnectionRefused;

// What the owner of a session is told, from inside receive() and produce(). It must not call back.
class SessionObserver {
 public:
  SessionObserver() = default;
  SessionObserver(const SessionObserver&) = delete;
  SessionObserver& operator=(const SessionObserver&) = delete;

  // Server: a request begins; null refuses it.
  virtual Stream* on_request() = 0;
  // The peer has said what it allows.
  virtual void on_settings() {}
  virtual void on_ping_answered() {}
  // The peer will not serve streams of ours past `last_stream`, and says why.
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

  // What arrived. False when the connection is over: what produce() still gives says why.
  bool receive(std::string_view data, Time now);
  // Frames into `memory`, as many as there are and fit; how many bytes. `memory` has room for two
  // frames at least.
  static constexpr std::size_t kMinMemory = 2 * (16 * 1024 + 16);
  std::size_t produce(std::span<char> memory);
  // Calls Stream::on_event() of every stream that has some. User code may run in there.
  void deliver_events();
  bool has_events() const noexcept;

  // Client: a request on `stream`. False when this connection takes no more streams.
  bool open(Stream& stream, const FieldList& fields, bool end);
  // Client: the number of the stream that is opened next; they grow, and there are 2^30 of them.
  void number_next_stream(std::int32_t id);
  // Client: how many streams the peer allows, and whether it has said so.
  std::uint32_t peer_max_streams() const noexcept;
  bool peer_settings_known() const noexcept;
  bool peer_takes_extended_connect() const noexcept;

  // Streams that are open. One whose reset has not been produced is.
  std::size_t streams() const noexcept;
  // Client: resets of cancelled requests that wait until the upstream does not take them for a
  // flood. release_resets() is to be called every kBetweenResets while there are some.
  bool has_withheld_resets() const noexcept;
  void release_resets(Time now);
  static constexpr std::chrono::milliseconds kBetweenResets{100};
  // RFC 9113 §6.8: announces that the connection will end, and asks for a PING so that one knows
  // when the peer has heard of it; then, the second call, names the last stream.
  void announce_end();
  void end_after_streams();
  // GOAWAY with a code, and nothing after it.
  void terminate(ErrorCode code);
  void ping();
  // No more bytes need to be exchanged.
  bool is_over() const noexcept;
  // Why the session ended itself; "" when it did not.
  const char* reason() const noexcept;

 private:
  friend class Stream;
  std::unique_ptr<SessionState> state_;
};

}  // namespace onehop::h2
