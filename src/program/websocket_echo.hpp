// SPDX-License-Identifier: Apache-2.0
//
// websocket_echo responds to a WebSocket handshake with a tunnel that echoes every message, and to
// any other request with 426.
// Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

namespace onehop::program {

Response websocket_echo(const Request& request);

}  // namespace onehop::program
