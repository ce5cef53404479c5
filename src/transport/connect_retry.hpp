// SPDX-License-Identifier: Apache-2.0
//
// ConnectRetry: when a request asks again for a connection that was refused: once more after a
// moment, since an upstream with one address may be restarting. Where Transport::Options::hold is
// set, Redial asks instead. One request, one thread.
#pragma once

#include "transport/pool_context.hpp"

#include <optional>

namespace onehop::transport {

class ConnectRetry {
 public:
  explicit ConnectRetry(PoolContext& pool) noexcept : pool_(pool) {}

  // How long to wait before asking again; nothing when `error` is final.
  std::optional<net::Duration> pause_after(const Error& error);

 private:
  PoolContext& pool_;
  bool asked_again_ = false;
};

}  // namespace onehop::transport
