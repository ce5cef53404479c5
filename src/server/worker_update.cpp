// SPDX-License-Identifier: Apache-2.0
#include "server/worker_update.hpp"

#include <cstddef>
#include <stdexcept>

namespace onehop::server {

WorkerUpdate::WorkerUpdate(WorkerContext& worker,
                           const Settings& next,
                           const Server::HandlerFactory& factory)
    : tls_(next.tls), listeners_(next.listeners), defers_(next.options->defer_accept) {
  std::shared_ptr<const Handler> handler = factory();
  if (!handler) throw std::invalid_argument("the handler factory returned null");
  configuration_ = std::make_unique<Configuration>(next.options, next.trusted, std::move(handler));
  for (const OpenListener& one : listeners_)
    loops_.push_back(one.socket ? std::make_unique<AcceptLoop>(worker, one) : nullptr);
}

bool WorkerUpdate::keep(std::unique_ptr<AcceptLoop>& loop) noexcept {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    if (listeners_[i].listener != loop->listener()) continue;
    loops_[i] = std::move(loop);
    return true;
  }
  return false;
}

void WorkerUpdate::configure_loops() noexcept {
  for (std::size_t i = 0; i < listeners_.size(); ++i)
    loops_[i]->configure(listeners_[i], defers_);
}

}  // namespace onehop::server
