// SPDX-License-Identifier: Apache-2.0
//
// FailureWindow records how the last 20 requests to an endpoint ended. A success writes nothing if
// all of them succeeded. Thread: any.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

namespace onehop::upstream {

class FailureWindow {
 public:
  static constexpr int kSize = 20;
  static constexpr int kInARow = 5;

  void add_success() noexcept {
    if (bits_.load(std::memory_order_relaxed) != 0) shift(0);
  }
  // Returns true if the endpoint is to be ejected: after five failures in a row, or if half of the
  // last 20 requests failed.
  bool add_failure() noexcept {
    const std::uint32_t bits = shift(1);
    return std::countr_one(bits) >= kInARow || std::popcount(bits) >= kSize / 2;
  }
  void take_over(const FailureWindow& before) noexcept {
    bits_.store(before.bits_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  void clear() noexcept { bits_.store(0, std::memory_order_relaxed); }

 private:
  // One bit per request, the latest in the lowest bit; 1 means that it failed.
  std::uint32_t shift(std::uint32_t latest) noexcept {
    constexpr std::uint32_t kMask = (1U << kSize) - 1;
    std::uint32_t old = bits_.load(std::memory_order_relaxed);
    std::uint32_t next = 0;
    do {
      next = ((old << 1U) | latest) & kMask;
    } while (!bits_.compare_exchange_weak(old, next, std::memory_order_relaxed));
    return next;
  }

  std::atomic<std::uint32_t> bits_ = 0;
};

}  // namespace onehop::upstream
