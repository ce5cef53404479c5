// SPDX-License-Identifier: Apache-2.0
//
// ClientConnection is what a Worker knows of a connection, whatever its protocol. The worker owns
// it, and destroys it when the connection reports its end.
// Thread: owner.
#pragma once

#include "base/held_memory.hpp"
#include "base/intrusive_list.hpp"
#include "net/address.hpp"
#include "server/client_limit.hpp"
#include "server/listener.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::server {

class WorkerContext;

// Where a connection comes from, and the listener that accepted it.
struct AcceptedFrom {
  AcceptedFrom(const net::Address& p,
               std::shared_ptr<const Listener> l,
               ConnectionTicket t = {}) noexcept
      : peer(p), listener(std::move(l)), ticket(std::move(t)) {}
  // For a connection in memory, which has no listening socket.
  AcceptedFrom(const net::Address& p, std::string_view local)
      : AcceptedFrom(p, std::make_shared<const Listener>(std::string(local))) {}

  // The address of the peer or, if `is_named`, of the client that its PROXY header names.
  net::Address peer;
  std::shared_ptr<const Listener> listener;
  ConnectionTicket ticket;
  bool is_named = false;
};

class ClientConnection : public ListNode, public Lasting {
 public:
  ClientConnection(WorkerContext& worker, std::shared_ptr<const Listener> listener) noexcept;
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  virtual ~ClientConnection();

  virtual void start() = 0;
  // Called when the server drains or the listener was removed. Ends the connection at once if
  // nothing is in progress, and otherwise after that.
  virtual void end_when_idle() noexcept = 0;
  // Called when the worker has another configuration.
  virtual void on_configured() noexcept {}

  const Listener& listener() const noexcept { return *listener_; }
  // Reports whether the client should send no further request on this connection.
  bool is_ending() const noexcept;

 protected:
  WorkerContext& worker_;
  const std::shared_ptr<const Listener> listener_;
};

}  // namespace onehop::server
