// SPDX-License-Identifier: Apache-2.0
//
// RetryBudget: how many retries are allowed, as a share of the requests of the last ten seconds, so
// that a failing upstream does not get more load than a healthy one. Any thread.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/limit.hpp>

#include <atomic>
#include <cstdint>

namespace onehop::transport {

class RetryBudget {
 public:
  // Allowed whatever the share says.
  static constexpr std::uint64_t kFloorPerSecond = 3;
  static constexpr std::uint64_t kWindowSeconds = 10;

  explicit RetryBudget(Limit<double> share) noexcept : share_(share) {}

  void count_requests(std::uint64_t count, Time now) noexcept;
  // Counts a retry when it is allowed.
  bool try_retry(Time now) noexcept;

 private:
  void turn(Time now) noexcept;

  Limit<double> share_;
  // Two halves of the window: what falls out of it goes at once, which is close enough.
  std::atomic<std::int64_t> began_ = 0;
  std::atomic<std::uint64_t> requests_ = 0, requests_before_ = 0;
  std::atomic<std::uint64_t> retries_ = 0, retries_before_ = 0;
};

}  // namespace onehop::transport
