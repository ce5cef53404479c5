// SPDX-License-Identifier: Apache-2.0
//
// WorkerUpdate: what one worker needs for an update of its server, made before anything is changed.
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
  // Throws std::invalid_argument if `factory` returns null, and what it throws.
  WorkerUpdate(WorkerContext& worker, const Settings& next, const Server::HandlerFactory& factory);

  // Takes a loop over if its listener stays.
  bool keep(std::unique_ptr<AcceptLoop>& loop) noexcept;
  // Makes all loops of the new settings ready to start, once those that stay were kept.
  void configure_loops() noexcept;
  // They.
  std::vector<std::unique_ptr<AcceptLoop>>& accept_loops() noexcept { return loops_; }
  std::shared_ptr<TlsCertificates> take_tls() noexcept { return std::move(tls_); }
  std::unique_ptr<Configuration> take_configuration() noexcept { return std::move(configuration_); }

 private:
  std::unique_ptr<Configuration> configuration_;
  std::shared_ptr<TlsCertificates> tls_;
  std::vector<OpenListener> listeners_;
  std::vector<std::unique_ptr<AcceptLoop>> loops_;  // one for each; null: one that stays
  bool defers_;
};

}  // namespace onehop::server
