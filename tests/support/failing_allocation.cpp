// SPDX-License-Identifier: Apache-2.0
#include "support/failing_allocation.hpp"

#include <cstdlib>
#include <limits>
#include <new>

namespace onehop {
namespace {

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

constinit thread_local std::size_t t_succeed = kNever;

}  // namespace

FailingAllocation::FailingAllocation(std::size_t succeed) noexcept {
  t_succeed = succeed;
}

FailingAllocation::~FailingAllocation() {
  t_succeed = kNever;
}

bool FailingAllocation::is_over() const noexcept {
  return t_succeed == kNever;
}

bool FailingAllocation::is_possible() {
  const FailingAllocation failing(0);
  try {
    ::operator delete(::operator new(1));
  } catch (const std::bad_alloc&) {
  }
  return failing.is_over();
}

}  // namespace onehop

// The ThreadSanitizer of clang has an operator new that cannot be replaced.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ONEHOP_OPERATOR_NEW_IS_TAKEN
#endif
#endif

#ifndef ONEHOP_OPERATOR_NEW_IS_TAKEN
void* operator new(std::size_t size) {
  std::size_t& succeed = onehop::t_succeed;
  if (succeed != onehop::kNever && succeed-- == 0) throw std::bad_alloc();  // sets it to kNever
  void* const memory = std::malloc(size > 0 ? size : 1);  // NOLINT(cppcoreguidelines-no-malloc)
  if (!memory) throw std::bad_alloc();
  return memory;
}

// g++ warns about a free() visible beside an operator new.
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);  // NOLINT(cppcoreguidelines-no-malloc)
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);  // NOLINT(cppcoreguidelines-no-malloc)
}
#endif
