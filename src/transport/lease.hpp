// SPDX-License-Identifier: Apache-2.0
//
// Lease: a connection for one request: alone on it over HTTP/1, one of many over HTTP/2.
// Thread: owner.
#pragma once

#include "base/check.hpp"
#include "transport/h1_connection.hpp"
#include "transport/h2_connection.hpp"

#include <memory>
#include <utility>

namespace onehop::transport {

// The properties that a request needs of a connection.
struct Need {
  Reuse reuse = Reuse::any;      // which idle connections of HTTP/1 it may use
  bool http1_only = false;       // an Upgrade over TLS, or credentials for the connection
  bool settings = false;         // over HTTP/2: the peer's SETTINGS are known
  bool has_credentials = false;  // for the connection
  bool may_hold = true;          // while the upstream refuses, as Transport::Options::hold says
  ConnectionId client;  // for a connection that is reserved for it; none: for no reserved one
};

// An unused lease of HTTP/1 returns its connection when it is destroyed. A lease of HTTP/2 holds
// nothing: it has to be used before anything else runs.
class Lease {
 public:
  explicit Lease(std::unique_ptr<H1Connection> connection) noexcept : h1_(std::move(connection)) {}
  explicit Lease(H2Connection& connection) noexcept : h2_(&connection) {}
  Lease(Lease&& other) noexcept = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (!h1_) return;
    H1Connection::Owner& owner = h1_->owner();
    owner.give_back(std::move(h1_));
  }

  // The connection speaks HTTP/2, and other requests use it, too.
  bool is_shared() const noexcept { return h2_ != nullptr; }
  // True if the connection carried a request before.
  bool is_reused() const noexcept { return h1_ ? h1_->is_reused() : h2().was_used(); }
  const Connection& connection() const noexcept {
    return h1_ ? static_cast<const Connection&>(*h1_) : h2();
  }
  H1Connection* h1() const noexcept { return h1_.get(); }
  std::unique_ptr<H1Connection> take_h1() noexcept { return std::move(h1_); }
  H2Connection& h2() const noexcept {
    ONEHOP_DCHECK(h2_);
    return *h2_;
  }

 private:
  std::unique_ptr<H1Connection> h1_;
  H2Connection* h2_ = nullptr;
};

}  // namespace onehop::transport
