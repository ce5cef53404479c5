// SPDX-License-Identifier: Apache-2.0
//
// The server's half of the WebSocket opening handshake (RFC 6455 §4.2). Pure functions; any thread.
#pragma once

#include <onehop/request.hpp>

#include <string>
#include <string_view>

namespace onehop {

// A GET that asks for version 13 with a key of the right form.
bool is_websocket_handshake(const Request& request);

// What Sec-WebSocket-Accept answers to this Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

}  // namespace onehop
