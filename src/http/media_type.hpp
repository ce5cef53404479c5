// SPDX-License-Identifier: Apache-2.0
//
// The few questions the proxy asks about media types (RFC 9110 §8.3.1, §12.5.1).
// Thread: any; pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace onehop {

// "text/event-stream", with parameters or without.
bool is_event_stream(std::string_view content_type) noexcept;
// "application/grpc" and its variants ("application/grpc+proto").
bool is_grpc(std::string_view content_type) noexcept;

enum class ErrorFormat : std::uint8_t { text, html, json };

// What a client that sent this Accept field would rather read. Text when it does not say.
ErrorFormat preferred_error_format(std::string_view accept) noexcept;

}  // namespace onehop
