// SPDX-License-Identifier: Apache-2.0
#include "server/client_connection.hpp"

#include "server/worker_context.hpp"

namespace onehop::server {

ClientConnection::ClientConnection(WorkerContext& worker) noexcept : worker_(worker) {
  worker_.admission().on_connection_began();
}

ClientConnection::~ClientConnection() {
  worker_.admission().on_connection_ended();
}

}  // namespace onehop::server
