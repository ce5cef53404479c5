// SPDX-License-Identifier: Apache-2.0
#include "base/memory_release.hpp"

#include "base/held_memory.hpp"
#include "base/memory_callback.hpp"
#include "base/memory_checker.hpp"
#include "base/promised_memory.hpp"
#include "base/returned_memory.hpp"

#include <cstddef>
#include <cstdlib>
#include <utility>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace onehop {
namespace {

constexpr std::size_t kMuch = std::size_t{1} << 20;
// The buffers of 16 requests, which lie between objects that stay.
constexpr std::size_t kEnough = std::size_t{256} * 1024;

}  // namespace

bool is_release_urgent() noexcept {
  const std::size_t freed = t_returned_memory.freed;
  if (freed < kMuch) return false;
  const std::size_t ceiling = memory_ceiling();
  return freed >= ceiling / 16 && held_memory() + promised_memory() >= ceiling / 2;
}

bool release_returned_memory() noexcept {
  ReturnedMemory& memory = t_returned_memory;
  if (memory.returned < kEnough && !is_release_urgent()) {
    return std::exchange(memory.seen, memory.returned) != memory.returned;
  }
  memory = {};
#if defined(__GLIBC__)
  // Under a sanitizer the C library's malloc is unused; malloc_trim() would initialise it, and
  // crashes if two threads do so at once.
  if constexpr (!kMemoryChecker) ::malloc_trim(0);
#endif
  return true;
}

}  // namespace onehop
