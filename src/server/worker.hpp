// SPDX-License-Identifier: Apache-2.0
//
// Worker: the part of a server that lives on one thread: its share of the listeners and its
// connections. Draining: stop accepting, let exchanges finish, end tunnels that are silent, cut the
// rest at the deadline. Thread: owner.
#pragma once

#include "base/owning_list.hpp"
#include "server/client_connection.hpp"
#include "server/worker_context.hpp"

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::server {

class AcceptLoop;

class Worker final : private WorkerContext::Owner {
 public:
  Worker(io::Reactor& reactor,
         std::shared_ptr<ServerShared> shared,
         std::shared_ptr<const Handler> handler);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Begins to accept from every listener.
  void listen();
  void adopt(std::unique_ptr<net::Stream> stream, const AcceptedFrom& from, bool with_tls) override;
  // Stops accepting; `done` is called when no connection is left, at the latest at `deadline`.
  // Called again, an earlier deadline counts.
  void drain(net::Time deadline, std::function<void()> done);
  // Requests that begin from now on are served by `next`; those in progress go on with the one they
  // began with.
  void configure(std::unique_ptr<Configuration> next) noexcept {
    context_.configure(std::move(next));
  }
  bool was_cut() const noexcept { return context_.was_cut(); }
  bool has_tls() const noexcept { return context_.tls() != nullptr; }
  RequestCount& requests() noexcept { return context_.requests(); }

 private:
  void start_connection(std::unique_ptr<net::Stream> stream, const AcceptedFrom& from) override;
  void continue_as_http2(HttpConnection& before, std::string_view early) override;
  void connection_ended(ClientConnection& connection) noexcept override;
  static void on_deadline(void* self);
  static void on_memory_note(void* self);
  void begin(std::unique_ptr<ClientConnection> connection);
  void cut();
  void check_drained();
  bool is_on_its_thread() const noexcept {
    return io::Reactor::current_or_null() == &context_.reactor();
  }

  WorkerContext context_;
  std::vector<std::unique_ptr<AcceptLoop>> accept_loops_;
  OwningList<ClientConnection> connections_;
  std::function<void()> drained_;
  io::Timer deadline_;
  io::Wakeup memory_note_;
};

}  // namespace onehop::server
