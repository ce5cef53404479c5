// SPDX-License-Identifier: Apache-2.0
//
// AcceptLoop: one worker's view of one listener. Accepts in small batches; pauses, without
// spinning, while there is no room for a connection (descriptors, or the configured limit), or the
// socket fails. Thread: owner.
#pragma once

#include <onehop/metrics.hpp>

#include "http/trusted_peers.hpp"
#include "io/reactor.hpp"
#include "net/tcp_listener.hpp"
#include "server/listener.hpp"
#include "server/tls_certificates.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace onehop::server {

class WorkerContext;

class AcceptLoop final : private io::Watcher {
 public:
  AcceptLoop(WorkerContext& worker, const OpenListener& from);
  ~AcceptLoop();

  const std::shared_ptr<Listener>& listener() const noexcept { return listener_; }
  // Begins to accept, unless it does so already.
  void start();
  // Before start(): the socket may have been left alone until then.
  void put_in_use(bool defers) noexcept;
  // For connections that are accepted from now on.
  void configure(const OpenListener& from, bool defers) noexcept;
  // The listener was removed: accepts those that are in the queue now, as limits allow and with the
  // certificates of now, and then releases the socket.
  void leave() noexcept;
  // The server stops: the same at once, as far as limits allow.
  void finish() noexcept;
  // It has released the socket.
  bool is_done() const noexcept { return !socket_; }

 private:
  enum class Batch : std::uint8_t { full, empty, paused };

  void on_events(std::uint32_t events) noexcept override;
  void on_ready();
  void on_timer();
  // It has cost a connection.
  void on_no_memory() noexcept { pause(Refusal::memory); }
  void adopt(net::TcpListener::Accepted accepted);
  void on_accepted() noexcept;
  std::unique_ptr<net::Stream> stream_of(io::FileDescriptor socket);
  Batch accept_some();
  void go_on_leaving();
  std::optional<TlsTerms> tls() const;
  void pause(Refusal why) noexcept;
  void rest() noexcept;
  void log_shortage(int error, std::string_view of_what = {});
  void add() noexcept;
  void remove() noexcept;

  WorkerContext& worker_;
  const std::shared_ptr<Listener> listener_;
  std::shared_ptr<net::TcpListener> socket_;
  bool with_tls_;
  std::shared_ptr<const TrustedPeers> proxies_;  // OpenListener::proxies
  // While it leaves: how many of the queue are left, and how they begin.
  std::optional<std::size_t> left_;
  std::optional<TlsTerms> tls_left_;
  io::Wakeup ready_;
  io::Timer timer_;
  bool listening_ = false;
  std::optional<Refusal> paused_;  // while it has accepted nothing since
  bool short_ = false;             // of descriptors or memory, and that was logged
};

}  // namespace onehop::server
