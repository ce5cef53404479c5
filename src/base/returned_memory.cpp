// SPDX-License-Identifier: Apache-2.0
#include "base/returned_memory.hpp"

#include "base/held_memory.hpp"
#include "base/memory_checker.hpp"
#include "base/memory_note.hpp"
#include "base/promised_memory.hpp"

#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace onehop {
namespace {

constexpr std::size_t kEnough = std::size_t{1} << 20;

constinit thread_local std::size_t t_returned = 0;
constinit thread_local std::size_t t_freed = 0;

}  // namespace

void note_returned_memory(std::size_t octets) noexcept {
  t_returned += octets;
}

void note_freed_memory(std::size_t size) noexcept {
  t_freed += size;
}

bool is_release_urgent() noexcept {
  if (t_freed < kEnough) return false;
  const std::size_t ceiling = memory_ceiling();
  return t_freed >= ceiling / 16 && held_memory() + promised_memory() >= ceiling / 2;
}

void release_returned_memory() noexcept {
  if (t_returned < kEnough && !is_release_urgent()) return;
  t_returned = t_freed = 0;
#if defined(__GLIBC__)
  // Where a memory checker stands in for malloc, the C library's own was never used: it would set
  // itself up here, and two threads at once make it crash.
  if constexpr (!kMemoryChecker) ::malloc_trim(0);
#endif
}

}  // namespace onehop
