// SPDX-License-Identifier: Apache-2.0
//
// AcceptLoop is one worker's view of one listener. It accepts connections in batches of at most 64.
// While there is no room for a connection (no descriptors, or a configured limit is reached) or the
// socket fails, it does not spin but tries again every 20 ms.
// Thread: owner.
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
  // Starts accepting. Does nothing if the loop accepts already or pauses.
  void start();
  // Sets the socket up for accept(). Called before start(), since the socket may not have been used
  // until then. `defers`: see Server::Options::defer_accept.
  void put_in_use(bool defers) noexcept;
  // Applies to connections accepted from now on.
  void configure(const OpenListener& from, bool defers) noexcept;
  // Called when the listener is removed. Accepts the connections that are in the queue at this
  // moment, as limits allow and with the present certificates, and then releases the socket.
  void leave() noexcept;
  // Called when the server stops. Does the same before it returns, as far as limits allow.
  void finish() noexcept;
  // Reports whether the socket has been released.
  bool is_done() const noexcept { return !socket_; }

 private:
  enum class Batch : std::uint8_t { full, empty, paused };

  void on_events(std::uint32_t events) noexcept override;
  void on_ready();
  void on_timer();
  // Called when a connection was lost for want of memory.
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
  // After leave(): the number of queued connections still to accept, and the TLS terms for them.
  std::optional<std::size_t> left_;
  std::optional<TlsTerms> tls_left_;
  io::Wakeup ready_;
  io::Timer timer_;
  bool listening_ = false;
  std::optional<Refusal> paused_;  // reset by the next accepted connection
  bool short_ = false;             // since a shortage began, until the next accepted connection
};

}  // namespace onehop::server
