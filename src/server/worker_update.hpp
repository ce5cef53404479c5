// SPDX-License-Identifier: Apache-2.0
//
// WorkerUpdate is everything that one worker needs for an update of its server, made before
// anything changes.
// Thread: owner.
#pragma once

#include <onehop/handler.hpp>

#include "server/accept_loop.hpp"
#include "server/configuration.hpp"
#include "server/settings.hpp"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace onehop::server {

class WorkerContext;

class WorkerUpdate {
 public:
  // Throws the exceptions of `factory`, and std::invalid_argument if that returns null.
  WorkerUpdate(WorkerContext& worker, const Settings& next, const Server::HandlerFactory& factory);

  // Takes a loop over if its listener stays. Returns whether it does.
  bool keep(std::unique_ptr<AcceptLoop>& loop) noexcept;
  // Makes all loops of the new settings ready to start. Called after keep() for those that stay.
  void configure_loops() noexcept;
  // Returns the loops of the new settings.
  std::vector<std::unique_ptr<AcceptLoop>>& accept_loops() noexcept { return loops_; }
  std::shared_ptr<TlsCertificates> take_tls() noexcept { return std::move(tls_); }
  std::unique_ptr<Configuration> take_configuration() noexcept { return std::move(configuration_); }

 private:
  std::unique_ptr<Configuration> configuration_;
  std::shared_ptr<TlsCertificates> tls_;
  std::vector<OpenListener> listeners_;
  // One for each listener. The loop of a listener that stays is null until keep().
  std::vector<std::unique_ptr<AcceptLoop>> loops_;
  bool defers_;
};

}  // namespace onehop::server
