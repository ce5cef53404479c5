// SPDX-License-Identifier: Apache-2.0
//
// Recognises the media types that the proxy treats specially, and chooses the format of an error
// response (RFC 9110 §8.3.1, §12.5.1).
// Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace onehop {

// Reports whether `content_type` is "text/event-stream", with or without parameters.
bool is_event_stream(std::string_view content_type) noexcept;
// Reports whether `content_type` is "application/grpc" or a variant such as
// "application/grpc+proto".
bool is_grpc(std::string_view content_type) noexcept;

enum class ErrorFormat : std::uint8_t { text, html, json };

// Returns the error format that a client with this Accept field prefers; text if it states none.
ErrorFormat preferred_error_format(std::string_view accept) noexcept;

}  // namespace onehop
