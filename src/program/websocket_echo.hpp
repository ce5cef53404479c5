// SPDX-License-Identifier: Apache-2.0
//
// websocket_echo: the answer to a WebSocket handshake, with a tunnel that sends every message back.
// 426 or 400 to any other request. On the thread of the request.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

namespace onehop::program {

Response websocket_echo(const Request& request);

}  // namespace onehop::program
