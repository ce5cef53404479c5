// SPDX-License-Identifier: Apache-2.0
//
// H1Connection: an HTTP/1 connection of a client: one coroutine that waits for a request, serves
// it, and waits for the next. Owned by its ShardServer, which it asks to be destroyed when it has
// ended. An idle one holds no buffer and no frame but its own.
#pragma once

#include <onehop/request.hpp>
#include <onehop/task.hpp>

#include "net/stream.hpp"
#include "server/client_connection.hpp"
#include "server/h1_exchange.hpp"
#include "wire/read_buffer.hpp"

#include <array>
#include <memory>

namespace onehop::server {

class H1Connection final : public ClientConnection {
 public:
  H1Connection(ShardServer& shard, std::unique_ptr<net::Stream> stream, const Origin& origin);
  ~H1Connection() override;

  void start() override;
  void end_if_idle() noexcept override;

 private:
  task<void> run();
  // Not inlined: clang would make their frames part of that of run(), which idle connections keep.
  [[gnu::noinline]] task<Next> serve_one();
  [[gnu::noinline]] task<void> linger();

  std::unique_ptr<net::Stream> stream_;
  wire::ReadBuffer input_;
  ConnectionInfo info_;
  std::array<char, 46> peer_text_;
  bool idle_ = false;
  io::Wakeup ended_;
  task<void> running_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::server
