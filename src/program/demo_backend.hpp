// SPDX-License-Identifier: Apache-2.0
//
// The backend of `onehop demo`, written as a user of the library would: a page that shows the
// request, a stream, server-sent events, an echo and a WebSocket.
// Thread: any.
#pragma once

#include <onehop/handler.hpp>

#include <memory>

namespace onehop::program {

std::shared_ptr<const Handler> make_demo_backend();

}  // namespace onehop::program
