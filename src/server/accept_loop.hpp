// SPDX-License-Identifier: Apache-2.0
//
// AcceptLoop: one worker's view of one listener. Accepts in small batches; pauses, without
// spinning, while there is no room for a connection (descriptors, or the configured limit).
// Thread: owner.
#pragma once

#include "io/reactor.hpp"
#include "net/tcp_listener.hpp"

#include <memory>
#include <string_view>

namespace onehop::server {

class WorkerContext;

class AcceptLoop final : private io::Watcher {
 public:
  AcceptLoop(WorkerContext& worker,
             std::shared_ptr<net::TcpListener> listener,
             std::string_view name,
             bool with_tls);
  ~AcceptLoop();

  void start();
  // Accepts the connections that are in the queue already, then releases the listener.
  void finish();

 private:
  void on_events(std::uint32_t events) noexcept override;
  static void on_ready(void* self);
  static void on_timer(void* self);
  void adopt(net::TcpListener::Accepted accepted);
  void accept_some();
  void pause();
  void log_shortage(int error, std::string_view of_what = {});
  void log_refusal(const net::Address& peer);
  bool may_accept();
  void add() noexcept;
  void remove() noexcept;

  WorkerContext& worker_;
  std::shared_ptr<net::TcpListener> listener_;
  std::string_view name_;
  bool with_tls_;
  io::Wakeup ready_;
  io::Timer timer_;
  bool listening_ = false;
  bool short_ = false;  // of descriptors or memory, and that was logged
};

}  // namespace onehop::server
