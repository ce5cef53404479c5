// SPDX-License-Identifier: Apache-2.0
//
// ConnectRetry: decides whether a request whose connection was refused asks for another: once,
// after 50 ms, since an upstream with one address may be restarting. If Transport::Options::hold is
// set, Redial asks instead. One for each request. Thread: owner.
#pragma once

#include "transport/pool_context.hpp"

#include <optional>

namespace onehop::transport {

class ConnectRetry {
 public:
  explicit ConnectRetry(PoolContext& pool) noexcept : pool_(pool) {}

  // How long to wait before asking again, or std::nullopt if `error` is final.
  std::optional<net::Duration> pause_after(const Error& error);

 private:
  PoolContext& pool_;
  bool asked_again_ = false;
};

}  // namespace onehop::transport
