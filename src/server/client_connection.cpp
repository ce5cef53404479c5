// SPDX-License-Identifier: Apache-2.0
#include "server/client_connection.hpp"

#include "server/worker_context.hpp"

namespace onehop::server {

ClientConnection::ClientConnection(WorkerContext& worker) noexcept : worker_(worker) {
  worker_.shared().connections.fetch_add(1, std::memory_order_relaxed);
}

ClientConnection::~ClientConnection() {
  worker_.shared().connections.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace onehop::server
