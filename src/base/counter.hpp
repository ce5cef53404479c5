// SPDX-License-Identifier: Apache-2.0
//
// Counter: a number that one thread changes and any thread may read. Without a locked instruction,
// and on its owner's cache line if the owner is.
// Thread: add and subtract on the owner's; value on any.
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
