// SPDX-License-Identifier: Apache-2.0
//
// RetryBudget limits retries to a share of the requests of the last ten seconds, so that a failing
// upstream receives no more load than a healthy one. Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/limit.hpp>

#include <atomic>
#include <cstdint>

namespace onehop::transport {

class RetryBudget {
 public:
  // Retries per second that are always allowed, whatever the share.
  static constexpr std::uint64_t kFloorPerSecond = 3;
  static constexpr std::uint64_t kWindowSeconds = 10;

  explicit RetryBudget(Limit<double> share) noexcept : share_(share.value()) {}

  void set_share(Limit<double> share) noexcept {
    share_.store(share.value(), std::memory_order_relaxed);
  }
  void count_requests(std::uint64_t count, Time now) noexcept;
  // Counts a retry and returns true, or returns false if the retry is not allowed.
  bool try_retry(Time now) noexcept;

 private:
  void turn(Time now) noexcept;

  std::atomic<double> share_;
  // The window has two halves; a half ends all at once.
  std::atomic<std::int64_t> began_ = 0;
  std::atomic<std::uint64_t> requests_ = 0, requests_before_ = 0;
  std::atomic<std::uint64_t> retries_ = 0, retries_before_ = 0;
};

}  // namespace onehop::transport
