// SPDX-License-Identifier: Apache-2.0
//
// Lease is a connection for one request, which has it to itself over HTTP/1 and shares it over
// HTTP/2.
// Thread: owner.
#pragma once

#include "base/check.hpp"
#include "transport/h1_connection.hpp"
#include "transport/h2_connection.hpp"

#include <memory>
#include <utility>

namespace onehop::transport {

// The properties of a connection that a request needs.
struct Need {
  Reuse reuse = Reuse::any;      // which idle HTTP/1 connections it may use
  bool http1_only = false;       // for an Upgrade over TLS, or credentials for the connection
  bool settings = false;         // over HTTP/2: the peer's SETTINGS must be known
  bool has_credentials = false;  // credentials for the connection
  bool may_hold = true;          // may wait while the upstream refuses (Transport::Options::hold)
  ConnectionId client;           // whose reserved connections it may use; none: no reserved ones
};

// An unused HTTP/1 lease returns its connection when it is destroyed. An HTTP/2 lease holds
// nothing, so it must be used before other code runs.
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

  // Reports whether the connection speaks HTTP/2, so that other requests use it too.
  bool is_shared() const noexcept { return h2_ != nullptr; }
  // Reports whether the connection has carried a request before.
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
