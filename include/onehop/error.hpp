// SPDX-License-Identifier: Apache-2.0
//
// Error describes what went wrong, on which side, and whether the request may be sent again.
// Functions that a peer can make fail return a Result (std::expected) or a task<Result<T>>. An
// Error is a value and may be copied to any thread.
#pragma once

#include <onehop/detail/compiler.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace onehop {

// Errc lists the conditions that this library detects. Failures of system calls keep their errno,
// in std::system_category().
enum class Errc : std::uint8_t {
  // On any side.
  cancelled = 1,   // the owner of the work cancelled it
  timed_out,       // a configured timeout expired
  closed,          // the peer closed the connection when more data was expected
  limit_exceeded,  // a configured limit was exceeded

  // A request that cannot be accepted (side: client). RFC 9112, RFC 9110.
  bad_request,            // 400
  request_line_too_long,  // 414
  head_too_large,         // 431
  body_too_large,         // 413
  unsupported_transfer,   // 501: a transfer coding other than chunked
  unsupported_method,     // 501: CONNECT, or a method token that is too long
  unsupported_version,    // 505
  expectation_failed,     // 417
  client_gone,            // the client left before the response was complete; 499 in the log
  too_many_requests,      // 429: the client has max_requests_per_client requests in progress

  // A response that cannot be passed on (side: upstream).
  bad_response,             // malformed head, framing or chunk
  response_head_too_large,  // over max_response_header_bytes or max_response_header_fields
  truncated,                // the message ended before its framing said so
  unexpected_upgrade,       // a 101 that was not requested, or that names another protocol

  // Reaching the upstream (side: upstream).
  name_not_resolved,   // the name has no address, or DNS did not respond
  connect_failed,      // every address was tried; detail() has the last errno
  no_endpoint,         // 503: an Upstream has no endpoint for the request
  no_connection_slot,  // 503: no connection became available within queue_timeout
  tls_failed,          // handshake, certificate or record; detail() says which
  http1_needed,        // NTLM or Negotiate, and the upstream speaks HTTP/2 only

  // Programming and configuration (side: local).
  bad_url,         // an invalid URL, or one that cannot be used here; detail() says why
  bad_field,       // a field name or value that is not valid in a message
  bad_option,      // an option that cannot be used, or a function called at the wrong time
  handler_failed,  // 500: user code threw, or produced no valid response

  // This proxy (side: local).
  loop_detected,  // 508: the backend URL leads back to this proxy
  overloaded,     // 503: max_memory is reached
};

}  // namespace onehop

// Declared before the first overload resolution with an Errc, which instantiates it.
template <>
struct std::is_error_code_enum<onehop::Errc> : std::true_type {};

namespace onehop {

// Returns the category of Errc, whose name is "onehop". Thread: any; constant.
const std::error_category& error_category() noexcept;
// Makes an Errc convertible to std::error_code.
std::error_code make_error_code(Errc code) noexcept;

// Side is the party at fault, which decides the status of the response: 4xx for the client, 502 to
// 504 for the upstream, and 500 for the local side, with few exceptions.
enum class Side : std::uint8_t { local, client, upstream };

// Phase is a phase of an exchange; the access log names the one in which the exchange failed.
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
// Returns the name of the enumerator, such as "connect"; "" for Phase::none.
std::string_view to_string(Phase phase) noexcept;

class Error {
 public:
  // `detail` is a text for logs that adds to the code.
  Error(Errc code, Side side) noexcept : code_(make_error_code(code)), side_(side) {}
  Error(Errc code, Side side, std::string detail) noexcept
      : code_(make_error_code(code)), detail_(std::move(detail)), side_(side) {}
  // Leaves the detail empty if it cannot be allocated. It never throws, so destructors can use it.
  Error(Errc code, Side side, const char* detail) noexcept;
  // An error code of another category.
  Error(std::error_code code, Side side) noexcept : code_(code), side_(side) {}
  // Returns an Error with an errno value.
  static Error system(int errno_value, Side side) {
    return Error(std::error_code(errno_value, std::system_category()), side);
  }

  // Returns an Errc, or an errno in std::system_category().
  std::error_code code() const noexcept { return code_; }
  // Reports whether the error is this condition: error.is(Errc::timed_out).
  bool is(Errc code) const noexcept { return code_ == make_error_code(code); }
  // The side that is at fault.
  Side side() const noexcept { return side_; }
  // The phase of the exchange in which the error happened; Phase::none outside of an exchange.
  Phase phase() const noexcept { return phase_; }
  // Reports whether the request was certainly not acted upon, so that sending it again is safe for
  // any method.
  bool retry_safe() const noexcept { return retry_safe_; }
  // Reports whether the error is Errc::timed_out or the errno ETIMEDOUT.
  bool is_timeout() const noexcept;
  // Text for logs. It must not be sent to peers, because it may name addresses.
  std::string_view detail() const noexcept { return detail_; }
  // Returns phase, code and detail: "connect: Connection refused (while connecting to
  // 127.0.0.1:8000)".
  std::string to_string() const;

  // during() sets the phase, retry_safe(value) sets the result of retry_safe(), and with() appends
  // to the detail. Each returns *this: error.during(Phase::connect).with("while connecting to
  // ...").
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

// Result is a value, or the Error that explains why there is none.
template <class T>
using Result = std::expected<T, Error>;

// Makes the error of a Result: return failure(Errc::bad_request, Side::client, "no Host field").
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
