// SPDX-License-Identifier: Apache-2.0
//
// ErrorCode is an error code of HTTP/2 (RFC 9113 §7). An Error can carry one, so that the code of a
// peer's RST_STREAM or GOAWAY can be passed on.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include <cstdint>
#include <optional>

namespace onehop::h2 {

// As wide as on the wire; any number may arrive. NOLINTNEXTLINE(performance-enum-size)
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

// Returns a name such as "CANCEL", or "an unknown code" if RFC 9113 does not define the number.
const char* name_of(ErrorCode code) noexcept;

// Returns the error of a stream that the peer on `side` reset with `code`.
Error stream_reset(ErrorCode code, Side side);
// Returns the code of an error made by stream_reset(), or std::nullopt for any other error.
std::optional<ErrorCode> code_of(const Error& error) noexcept;

}  // namespace onehop::h2
