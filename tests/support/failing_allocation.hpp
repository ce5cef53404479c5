// SPDX-License-Identifier: Apache-2.0
//
// FailingAllocation: while one lives, one of the allocations of its thread by operator new fails.
#pragma once

#include <cstddef>

namespace onehop {

class FailingAllocation {
 public:
  // So many succeed before.
  explicit FailingAllocation(std::size_t succeed) noexcept;
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  ~FailingAllocation();

  // It has failed.
  bool is_over() const noexcept;
};

}  // namespace onehop
