// SPDX-License-Identifier: Apache-2.0
//
// Counter: a number that one thread changes. It uses no locked instruction and can share a cache
// line with its owner's data. Any thread may call value().
// Thread: owner.
#pragma once

#include <atomic>
#include <cstdint>

namespace onehop {

class Counter {
 public:
  void add(std::uint64_t n) noexcept { set(value() + n); }
  void subtract(std::uint64_t n) noexcept { set(value() - n); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }

  std::atomic<std::uint64_t> value_ = 0;
};

}  // namespace onehop
