// SPDX-License-Identifier: Apache-2.0
//
// Listener is a place where a server listens, as its workers and connections know it. It lives
// until its last connection ends. Its socket belongs to the accept loops.
// Thread: any.
#pragma once

#include "http/trusted_peers.hpp"
#include "net/address.hpp"
#include "net/tcp_listener.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace onehop::server {

class Listener {
 public:
  explicit Listener(std::string name) : name_(std::move(name)) {}
  // `wanted`: the requested address, with port 0 for any port.
  Listener(const net::Address& wanted, const std::shared_ptr<net::TcpListener>& socket)
      : name_(socket->address().to_string()),
        wanted_(wanted),
        actual_(socket->address()),
        socket_(socket) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Such as "127.0.0.1:8080".
  const std::string& name() const noexcept { return name_; }
  const net::Address& wanted() const noexcept { return wanted_; }
  // The address of the socket.
  const net::Address& actual() const noexcept { return actual_; }
  // Null once the accept loops have closed the socket.
  std::shared_ptr<net::TcpListener> socket() const noexcept { return socket_.lock(); }

  // Counters of its connections: open ones, and all that it has accepted.
  void on_connection_began() const noexcept { open_.fetch_add(1, std::memory_order_relaxed); }
  void on_connection_ended() const noexcept { open_.fetch_sub(1, std::memory_order_relaxed); }
  std::size_t connections() const noexcept { return open_.load(std::memory_order_relaxed); }
  void on_accepted() noexcept { accepted_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t accepted() const noexcept { return accepted_.load(std::memory_order_relaxed); }

  // Reports whether an update has removed the listener. Its connections end once they are idle.
  bool is_removed() const noexcept { return removed_.load(std::memory_order_relaxed); }
  void remove() noexcept { removed_.store(true, std::memory_order_relaxed); }

 private:
  const std::string name_;
  const net::Address wanted_;
  const net::Address actual_;
  const std::weak_ptr<net::TcpListener> socket_;
  std::atomic<bool> removed_ = false;
  // On a cache line other than that of the members which each request reads.
  alignas(64) mutable std::atomic<std::size_t> open_ = 0;
  std::atomic<std::uint64_t> accepted_ = 0;
};

struct OpenListener {
  std::shared_ptr<Listener> listener;
  // Null once the workers have the socket. They close it when they stop accepting.
  std::shared_ptr<net::TcpListener> socket;
  bool with_tls = false;
  // Peers that must begin each connection with a PROXY header. Null if there are none.
  std::shared_ptr<const TrustedPeers> proxies = {};
};

}  // namespace onehop::server
