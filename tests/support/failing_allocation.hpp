// SPDX-License-Identifier: Apache-2.0
//
// FailingAllocation makes one allocation of its thread by operator new fail while it exists. It has
// no effect if a sanitizer brings its own operator new.
// Thread: owner.
#pragma once

#include <cstddef>

namespace onehop {

class FailingAllocation {
 public:
  // Lets `succeed` allocations succeed first.
  explicit FailingAllocation(std::size_t succeed) noexcept;
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  ~FailingAllocation();

  // Reports whether the allocation has failed.
  bool is_over() const noexcept;

  static bool is_possible();
};

}  // namespace onehop
