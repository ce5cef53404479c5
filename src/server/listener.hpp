// SPDX-License-Identifier: Apache-2.0
//
// Listener: a place where a server listens, as all workers and its connections know it. It lives as
// long as the last of its connections; its socket is the accept loops'. Thread: any.
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
  // `wanted`: the address that was asked for, with port 0 if any would do.
  Listener(const net::Address& wanted, const std::shared_ptr<net::TcpListener>& socket)
      : name_(socket->address().to_string()),
        wanted_(wanted),
        actual_(socket->address()),
        socket_(socket) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // "127.0.0.1:8080"
  const std::string& name() const noexcept { return name_; }
  const net::Address& wanted() const noexcept { return wanted_; }
  // The one that the socket has.
  const net::Address& actual() const noexcept { return actual_; }
  // Null once the accept loops have closed it.
  std::shared_ptr<net::TcpListener> socket() const noexcept { return socket_.lock(); }

  // Its connections: those that are open, and all that it has accepted.
  void on_connection_began() const noexcept { open_.fetch_add(1, std::memory_order_relaxed); }
  void on_connection_ended() const noexcept { open_.fetch_sub(1, std::memory_order_relaxed); }
  std::size_t connections() const noexcept { return open_.load(std::memory_order_relaxed); }
  void on_accepted() noexcept { accepted_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t accepted() const noexcept { return accepted_.load(std::memory_order_relaxed); }

  // An update has removed it: its connections end once they are idle.
  bool is_removed() const noexcept { return removed_.load(std::memory_order_relaxed); }
  void remove() noexcept { removed_.store(true, std::memory_order_relaxed); }

 private:
  const std::string name_;
  const net::Address wanted_;
  const net::Address actual_;
  const std::weak_ptr<net::TcpListener> socket_;
  std::atomic<bool> removed_ = false;
  // Not on the line of what each request reads.
  alignas(64) mutable std::atomic<std::size_t> open_ = 0;
  std::atomic<std::uint64_t> accepted_ = 0;
};

struct OpenListener {
  std::shared_ptr<Listener> listener;
  // Null once the workers have it: they close it when they stop accepting.
  std::shared_ptr<net::TcpListener> socket;
  bool with_tls = false;
  // Peers that have to begin each connection with a PROXY header. Null: none.
  std::shared_ptr<const TrustedPeers> proxies = {};
};

}  // namespace onehop::server
