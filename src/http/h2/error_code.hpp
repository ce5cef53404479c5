// SPDX-License-Identifier: Apache-2.0
//
// The error codes of HTTP/2 (RFC 9113 §7), and errors that carry one: what a RST_STREAM or GOAWAY
// of the peer said, so that it can be passed on.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include <cstdint>
#include <optional>

namespace onehop::h2 {

// As wide as on the wire, where any number may come. NOLINTNEXTLINE(performance-enum-size)
enum class ErrorCode : std::uint32_t {
  no_error = 0x0,
  protocol_error = 0x1,
  internal_error = 0x2,
  flow_control_error = 0x3,
  settings_timeout = 0x4,
  stream_closed = 0x5,
  frame_size_error = 0x6,
  refused_stream = 0x7,
  cancel = 0x8,
  compression_error = 0x9,
  connect_error = 0xa,
  enhance_your_calm = 0xb,
  inadequate_security = 0xc,
  http_1_1_required = 0xd,
};

// "CANCEL"; "an unknown code" for a number that RFC 9113 does not name.
const char* name_of(ErrorCode code) noexcept;

// The stream was reset with `code` by the peer on that side.
Error stream_reset(ErrorCode code, Side side);
// The code, for an error made by stream_reset().
std::optional<ErrorCode> code_of(const Error& error) noexcept;

}  // namespace onehop::h2
