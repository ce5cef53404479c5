// SPDX-License-Identifier: Apache-2.0
//
// Worker is the part of a server that lives on one thread: its share of the listeners, and its
// connections. When it drains, it stops accepting, lets exchanges finish, ends silent tunnels, and
// cuts the rest at the deadline.
// Thread: owner.
#pragma once

#include <onehop/metrics.hpp>

#include "base/owning_list.hpp"
#include "server/client_connection.hpp"
#include "server/worker_context.hpp"
#include "server/worker_update.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
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

  // Prepares to accept connections from every listener.
  void listen();
  // Starts accepting. Called after listen().
  void accept() noexcept;
  void adopt(std::unique_ptr<net::Stream> stream,
             const AcceptedFrom& from,
             std::optional<TlsTerms> tls) override;
  // Does the same with the worker's certificates, and with proxy_protocol for all listeners.
  void adopt(std::unique_ptr<net::Stream> stream, const AcceptedFrom& from, bool with_tls);
  // Stops accepting. Calls `done` when no connection is left, or at `deadline` at the latest. A
  // further call can only make the deadline earlier.
  void drain(net::Time deadline, std::function<void()> done);
  // An update in two steps. prepare() makes everything that this worker needs for `next` and
  // changes nothing. It throws the exceptions of `factory`, and std::invalid_argument if that
  // returns null. Then commit() puts the update in place, or discard() drops it.
  void prepare(const Settings& next, const Server::HandlerFactory& factory);
  void commit() noexcept;
  void discard() noexcept;
  // Applies a changed memory limit.
  void follow_memory_limit() noexcept;
  bool was_cut() const noexcept { return context_.was_cut(); }
  bool has_tls() const noexcept { return context_.tls() != nullptr; }
  RequestCount& requests() noexcept { return context_.requests(); }
  // Adds this worker's metrics to `metrics`. May be called from any thread while the worker exists.
  void add_to(ServerMetrics& metrics) const;
  // Returns this worker's requests in progress. Each list has at most `max` rows.
  RequestsInFlight requests_in_flight(std::size_t max);

 private:
  void adopt_proxied(std::unique_ptr<net::Stream> stream,
                     const AcceptedFrom& from,
                     std::optional<TlsTerms> tls) override;
  void start_connection(std::unique_ptr<net::Stream> stream, const AcceptedFrom& from) override;
  void continue_as_http2(HttpConnection& before, std::string_view early) override;
  void connection_ended(ClientConnection& connection) noexcept override;
  void on_memory_note();
  void begin(std::unique_ptr<ClientConnection> connection);
  void cut();
  void check_drained();
  void change_listeners(WorkerUpdate& update) noexcept;
  bool is_on_its_thread() const noexcept {
    return io::Reactor::current_or_null() == &context_.reactor();
  }

  WorkerContext context_;
  std::vector<std::unique_ptr<AcceptLoop>> accept_loops_;
  std::vector<std::unique_ptr<AcceptLoop>> leaving_loops_;  // of removed listeners
  OwningList<ClientConnection> connections_;
  std::unique_ptr<WorkerUpdate> update_;  // made by prepare()
  bool accepts_ = false;
  std::function<void()> drained_;
  io::Timer deadline_;
  io::Wakeup memory_note_;
};

}  // namespace onehop::server
