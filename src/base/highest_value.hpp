// SPDX-License-Identifier: Apache-2.0
//
// HighestValue keeps the highest value that several threads have estimated, so that a reported sum
// never decreases.
// Thread: any.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace onehop {

class HighestValue {
 public:
  // Returns the highest value so far, including `value`.
  std::int64_t of(std::int64_t value) noexcept {
    std::int64_t highest = highest_.load(std::memory_order_relaxed);
    while (highest < value &&
           !highest_.compare_exchange_weak(highest, value, std::memory_order_relaxed)) {
    }
    return std::max(highest, value);
  }

 private:
  std::atomic<std::int64_t> highest_ = 0;
};

}  // namespace onehop
