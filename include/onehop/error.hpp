// SPDX-License-Identifier: Apache-2.0
//
// Error: what went wrong, whose side it was, and whether the request may be sent again.
// Errors are values: task<Result<T>> wherever a peer can fail. Result is std::expected.
// Thread: an Error is a plain value; copy it anywhere.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace onehop {

// The conditions this library itself detects. Failures of system calls keep their errno in
// std::system_category().
enum class Errc : std::uint8_t {
  // Anybody's.
  cancelled = 1,   // the work was given up by its owner
  timed_out,       // a deadline of this proxy passed
  closed,          // the peer ended the connection where more was expected
  limit_exceeded,  // a configured bound was hit

  // A request that cannot be accepted (side: client). RFC 9112, RFC 9110.
  bad_request,            // 400
  request_line_too_long,  // 414
  head_too_large,         // 431
  body_too_large,         // 413
  unsupported_transfer,   // 501: a transfer coding other than chunked
  unsupported_method,     // 501: CONNECT, or a method token that is too long
  unsupported_version,    // 505
  expectation_failed,     // 417
  client_gone,            // the client closed before its answer was complete; 499 in the log
  too_many_requests,      // 429: as many of this client as may be are in progress

  // An answer that cannot be passed on (side: upstream).
  bad_response,             // malformed head, framing or chunk
  response_head_too_large,  // over max_response_header_bytes or max_response_header_fields
  truncated,                // the message ended before its framing said so
  unexpected_upgrade,       // a 101 nobody asked for, or for another protocol

  // Reaching the upstream (side: upstream).
  name_not_resolved,
  connect_failed,      // every address was tried; detail() has the last errno
  no_connection_slot,  // max_connections reached for longer than queue_timeout: 503
  tls_failed,          // handshake, certificate or record; detail() says what
  http1_needed,        // NTLM and Negotiate: the upstream speaks HTTP/2 alone

  // Programming and configuration (side: local).
  bad_url,
  bad_field,  // a field name or value that may not go on the wire
  bad_option,
  handler_failed,  // user code threw, or gave no answer: 500

  // This proxy (side: local).
  loop_detected,  // the backend URL leads back to this proxy: 508
  overloaded,     // max_memory is reached: 503
};

}  // namespace onehop

// Here, because the first overload resolution with an Errc already asks.
template <>
struct std::is_error_code_enum<onehop::Errc> : std::true_type {};

namespace onehop {

const std::error_category& error_category() noexcept;
std::error_code make_error_code(Errc code) noexcept;

// Who is to blame, and so which status the client gets: 4xx, 502/503/504 or 500.
enum class Side : std::uint8_t { local, client, upstream };

// Where in an exchange something happened; the access log names it.
enum class Phase : std::uint8_t {
  none,
  head,     // reading the request head
  queue,    // waiting for a connection slot
  resolve,  // looking the name up
  connect,  // TCP handshake
  tls,      // TLS handshake
  send,     // writing the request
  wait,     // waiting for the response head
  receive,  // reading the response body
  deliver,  // writing the response to the client
  tunnel,   // relaying after 101
};
std::string_view to_string(Phase phase) noexcept;

class Error {
 public:
  Error(Errc code, Side side) noexcept : code_(make_error_code(code)), side_(side) {}
  Error(Errc code, Side side, std::string detail) noexcept
      : code_(make_error_code(code)), detail_(std::move(detail)), side_(side) {}
  // Without the detail if there is no memory for it, so that a destructor may say why.
  Error(Errc code, Side side, const char* detail) noexcept;
  Error(std::error_code code, Side side) noexcept : code_(code), side_(side) {}
  // From an errno value.
  static Error system(int errno_value, Side side) {
    return Error(std::error_code(errno_value, std::system_category()), side);
  }

  std::error_code code() const noexcept { return code_; }
  bool is(Errc code) const noexcept { return code_ == make_error_code(code); }
  Side side() const noexcept { return side_; }
  Phase phase() const noexcept { return phase_; }
  // True only when the request cannot have been acted upon, so that sending it again is safe for
  // any method.
  bool retry_safe() const noexcept { return retry_safe_; }
  bool is_timeout() const noexcept;
  // For logs, never for peers: may name addresses.
  std::string_view detail() const noexcept { return detail_; }
  // "connect: Connection refused (while connecting to 127.0.0.1:8000)"
  std::string to_string() const;

  // Each returns *this, so that `return error.during(Phase::connect).with("...")` reads well.
  Error& during(Phase phase) noexcept {
    phase_ = phase;
    return *this;
  }
  Error& retry_safe(bool value) noexcept {
    retry_safe_ = value;
    return *this;
  }
  Error& with(std::string_view context);

 private:
  std::error_code code_;
  std::string detail_;
  Side side_;
  Phase phase_ = Phase::none;
  bool retry_safe_ = false;
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> failure(Error error) {
  return std::unexpected<Error>(std::move(error));
}
inline std::unexpected<Error> failure(Errc code, Side side) {
  return std::unexpected<Error>(Error(code, side));
}
inline std::unexpected<Error> failure(Errc code, Side side, std::string detail) {
  return std::unexpected<Error>(Error(code, side, std::move(detail)));
}
inline std::unexpected<Error> failure(Errc code, Side side, const char* detail) {
  return std::unexpected<Error>(Error(code, side, detail));
}

}  // namespace onehop
