// SPDX-License-Identifier: Apache-2.0
#include "transport/connect_retry.hpp"

#include "transport/redial.hpp"

#include <utility>

namespace onehop::transport {
namespace {

constexpr net::Duration kConnectAgain = std::chrono::milliseconds(50);

}  // namespace

std::optional<net::Duration> ConnectRetry::pause_after(const Error& error) {
  // With hold, the dial was repeated for long enough.
  if (!is_refusal(error) || pool_.options().hold > net::Duration::zero()) return std::nullopt;
  if (std::exchange(asked_again_, true) || !pool_.try_retry()) return std::nullopt;
  return kConnectAgain;
}

}  // namespace onehop::transport
