// SPDX-License-Identifier: Apache-2.0
#include "transport/connect_retry.hpp"

#include <utility>

namespace onehop::transport {
namespace {

constexpr net::Duration kConnectAgain = std::chrono::milliseconds(50);
constexpr net::Duration kHoldEvery = std::chrono::milliseconds(100);

bool is_refusal(const Error& error) {
  return !error.is_timeout() && error.phase() == Phase::connect &&
         error.code().category() == std::system_category();
}

}  // namespace

ConnectRetry::ConnectRetry(ConnectionPool& pool) noexcept
    : pool_(pool), hold_until_(io::deadline_after(pool.reactor().now(), pool.options().hold)) {}

std::optional<net::Duration> ConnectRetry::pause_after(const Error& error) {
  if (!is_refusal(error)) return std::nullopt;
  if (pool_.reactor().now() < hold_until_) return kHoldEvery;
  if (std::exchange(asked_again_, true) || !pool_.try_retry()) return std::nullopt;
  return kConnectAgain;
}

}  // namespace onehop::transport
