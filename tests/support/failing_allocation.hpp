// SPDX-License-Identifier: Apache-2.0
//
// FailingAllocation: while one exists, one allocation of its thread by operator new fails. Has no
// effect if a sanitizer brings its own operator new.
// Thread: owner.
#pragma once

#include <cstddef>

namespace onehop {

class FailingAllocation {
 public:
  // `succeed` allocations succeed first.
  explicit FailingAllocation(std::size_t succeed) noexcept;
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  ~FailingAllocation();

  // The allocation has failed.
  bool is_over() const noexcept;

  static bool is_possible();
};

}  // namespace onehop
