// SPDX-License-Identifier: Apache-2.0
#include "base/memory_release.hpp"

#include "base/held_memory.hpp"
#include "base/memory_checker.hpp"
#include "base/memory_note.hpp"
#include "base/promised_memory.hpp"
#include "base/returned_memory.hpp"

#include <cstddef>
#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace onehop {
namespace {

constexpr std::size_t kEnough = std::size_t{1} << 20;

}  // namespace

bool is_release_urgent() noexcept {
  const std::size_t freed = t_returned_memory.freed;
  if (freed < kEnough) return false;
  const std::size_t ceiling = memory_ceiling();
  return freed >= ceiling / 16 && held_memory() + promised_memory() >= ceiling / 2;
}

void release_returned_memory() noexcept {
  if (t_returned_memory.returned < kEnough && !is_release_urgent()) return;
  t_returned_memory = {};
#if defined(__GLIBC__)
  // Where a memory checker stands in for malloc, the C library's own was never used: it would set
  // itself up here, and two threads at once make it crash.
  if constexpr (!kMemoryChecker) ::malloc_trim(0);
#endif
}

}  // namespace onehop
