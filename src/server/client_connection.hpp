// SPDX-License-Identifier: Apache-2.0
//
// ClientConnection: what a Worker knows of a connection, whatever its protocol. Owned by the
// worker, which destroys it when the connection reports its end. Thread: owner.
#pragma once

#include <onehop/task.hpp>

#include "base/intrusive_list.hpp"
#include "net/address.hpp"
#include "server/client_limit.hpp"

#include <string_view>
#include <utility>

namespace onehop::server {

class WorkerContext;

// Where a connection comes from and which listener took it.
struct AcceptedFrom {
  AcceptedFrom(const net::Address& p, std::string_view l, ConnectionTicket t = {}) noexcept
      : peer(p), local(l), ticket(std::move(t)) {}

  net::Address peer;
  std::string_view local;  // outlives every connection
  ConnectionTicket ticket;
};

class ClientConnection : public ListNode, public detail::InFramePool {
 public:
  explicit ClientConnection(WorkerContext& worker) noexcept;
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  virtual ~ClientConnection();

  virtual void start() = 0;
  // The server drains: the connection ends at once if nothing is in progress, or else after that.
  virtual void end_when_idle() noexcept = 0;

 protected:
  WorkerContext& worker_;
};

}  // namespace onehop::server
