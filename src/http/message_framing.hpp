// SPDX-License-Identifier: Apache-2.0
//
// Determines where the content of an HTTP/1 message ends (RFC 9112 §6.3), with one pure function
// for each direction. Ambiguity is an error and is never repaired (RFC 9112 §6.1, §11.2).
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/headers.hpp>
#include <onehop/method.hpp>
#include <onehop/status.hpp>
#include <onehop/version.hpp>

#include <cstdint>
#include <optional>

namespace onehop {

struct BodyFraming {
  enum class Kind : std::uint8_t {
    none,         // no content; Content-Length: 0 is `length`
    length,       // Content-Length
    chunked,      // Transfer-Encoding: chunked
    until_close,  // responses only: ends with the connection
    tunnel,       // 101, or a successful CONNECT: the bytes after the head are not HTTP
  };
  Kind kind = Kind::none;
  std::uint64_t length = 0;

  static constexpr BodyFraming none() noexcept { return {}; }
  static constexpr BodyFraming of_length(std::uint64_t n) noexcept { return {Kind::length, n}; }
  static constexpr BodyFraming chunked() noexcept { return {Kind::chunked, 0}; }
  static constexpr BodyFraming until_close() noexcept { return {Kind::until_close, 0}; }

  bool has_content() const noexcept {
    return kind != Kind::none && !(kind == Kind::length && length == 0);
  }
  friend constexpr bool operator==(const BodyFraming&, const BodyFraming&) noexcept = default;
};

// Returns the framing of a request. Errors: bad_request (400) and unsupported_transfer (501), whose
// side is client.
Result<BodyFraming> request_framing(Version version, const Headers& headers);
// Returns the framing of a response to a request with `method`. For HEAD, 204 and 304 it is none
// even if Content-Length is not 0. Errors: bad_response.
Result<BodyFraming> response_framing(const Method& method,
                                     Status status,
                                     Version version,
                                     const Headers& headers);

// Reports whether this head allows another message on the connection (RFC 9112 §9.3): it does not
// have Connection: close and, for HTTP/1.0, has Connection: keep-alive.
bool allows_reuse(Version version, const Headers& headers) noexcept;

// Returns the value of Content-Length (1*DIGIT), or std::nullopt if it is absent. Identical lines
// count as one; a list is refused.
Result<std::optional<std::uint64_t>> content_length(const Headers& headers, Side side);

}  // namespace onehop
