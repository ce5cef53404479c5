// SPDX-License-Identifier: Apache-2.0
//
// FailingAllocation: while one lives, one of the allocations of its thread by operator new fails.
// Not where a sanitizer insists on an operator new of its own.
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

  static bool is_possible();
};

}  // namespace onehop
