// SPDX-License-Identifier: Apache-2.0
//
// Connection: a client's connection, whatever version of HTTP it speaks. Owned by its ShardServer;
// deletes itself through the reactor's list when it has ended.
#pragma once

#include <onehop/request.hpp>
#include <onehop/task.hpp>

#include "base/intrusive_list.hpp"
#include "net/address.hpp"
#include "net/stream.hpp"

#include <array>
#include <memory>
#include <string_view>

namespace onehop::server {

class ShardServer;

class Connection : public ListNode {
 public:
  // `local` outlives the connection.
  Connection(ShardServer& shard,
             std::unique_ptr<net::Stream> stream,
             const net::Address& peer,
             std::string_view local);
  virtual ~Connection();

  virtual void start() = 0;
  // The server drains: ends at once if nothing is in progress, or else after that.
  virtual void end_when_idle() noexcept = 0;

 protected:
  // Takes over the stream of another, which only has to be destroyed then.
  explicit Connection(Connection& before);

  // Nothing will run any more: destroys it soon.
  void end();
  // Lets the peer read what was sent: closing with unread octets would reset the connection and
  // take the answer from it.
  // Not inlined: clang would make its frame part of its callers', which idle connections keep.
  [[gnu::noinline]] task<void> linger();

  ShardServer& shard_;
  std::unique_ptr<net::Stream> stream_;
  ConnectionInfo info_;

 private:
  std::array<char, 46> peer_text_;
  io::Wakeup ended_;
};

}  // namespace onehop::server
