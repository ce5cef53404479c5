// SPDX-License-Identifier: Apache-2.0
//
// HighestValue: the highest of the values that several threads estimate, so that what is shown of
// a sum never goes back.
// Thread: any.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace onehop {

class HighestValue {
 public:
  // Returns the highest value so far, `value` included.
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
