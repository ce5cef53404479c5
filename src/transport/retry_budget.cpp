// SPDX-License-Identifier: Apache-2.0
#include "transport/retry_budget.hpp"

#include <algorithm>

namespace onehop::transport {
namespace {

std::int64_t half_window_of(Time now) {
  constexpr auto kHalf = std::chrono::seconds(RetryBudget::kWindowSeconds / 2);
  return now.time_since_epoch() / kHalf;
}

}  // namespace

// If several threads turn at once, the counts are wrong by a few, which does not matter.
void RetryBudget::turn(Time now) noexcept {
  const std::int64_t half = half_window_of(now);
  std::int64_t began = began_.load(std::memory_order_relaxed);
  if (began == half || !began_.compare_exchange_strong(began, half)) return;
  const bool adjacent = half == began + 1;
  const std::uint64_t requests = requests_.exchange(0);
  const std::uint64_t retries = retries_.exchange(0);
  requests_before_ = adjacent ? requests : 0;
  retries_before_ = adjacent ? retries : 0;
}

void RetryBudget::count_requests(std::uint64_t count, Time now) noexcept {
  turn(now);
  requests_.fetch_add(count, std::memory_order_relaxed);
}

bool RetryBudget::try_retry(Time now) noexcept {
  turn(now);
  const auto requests = static_cast<double>(requests_ + requests_before_);
  const Limit<double> share(share_.load(std::memory_order_relaxed));
  const double allowed =
      std::max(static_cast<double>(kFloorPerSecond * kWindowSeconds), share.value() * requests);
  if (!share.is_none() && static_cast<double>(retries_ + retries_before_) >= allowed) return false;
  retries_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace onehop::transport
