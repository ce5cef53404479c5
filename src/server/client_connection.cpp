// SPDX-License-Identifier: Apache-2.0
#include "server/client_connection.hpp"

#include "server/worker_context.hpp"

namespace onehop::server {

ClientConnection::ClientConnection(WorkerContext& worker,
                                   std::shared_ptr<const Listener> listener) noexcept
    : worker_(worker), listener_(std::move(listener)) {
  listener_->on_connection_began();
  worker_.admission().on_connection_began();
}

ClientConnection::~ClientConnection() {
  listener_->on_connection_ended();
  worker_.admission().on_connection_ended();
}

bool ClientConnection::is_ending() const noexcept {
  return worker_.is_draining() || listener_->is_removed();
}

}  // namespace onehop::server
