// SPDX-License-Identifier: Apache-2.0
//
// The server's side of the WebSocket opening handshake (RFC 6455 §4.2): checks the request and
// computes Sec-WebSocket-Accept.
// Thread: any.
#pragma once

#include <onehop/request.hpp>

#include <string>
#include <string_view>

namespace onehop {

// Reports whether the request is a GET for version 13 with a key of the right form.
bool is_websocket_handshake(const Request& request);

// Returns the Sec-WebSocket-Accept value for this Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

}  // namespace onehop
