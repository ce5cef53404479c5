// SPDX-License-Identifier: Apache-2.0
//
// ConnectRetry: when a request asks again for a connection that was refused: once more after a
// moment, since an upstream with one address may be restarting, or for as long as
// Transport::Options::hold says. One request, one thread.
#pragma once

#include "transport/connection_pool.hpp"

#include <optional>

namespace onehop::transport {

class ConnectRetry {
 public:
  explicit ConnectRetry(ConnectionPool& pool) noexcept;

  // How long to wait before asking again; nothing when `error` is final.
  std::optional<net::Duration> pause_after(const Error& error);

 private:
  ConnectionPool& pool_;
  net::Time hold_until_;
  bool asked_again_ = false;
};

}  // namespace onehop::transport
