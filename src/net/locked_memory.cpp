// SPDX-License-Identifier: Apache-2.0
#include "net/locked_memory.hpp"

#include <new>

#include <string.h>  // NOLINT(modernize-deprecated-headers): explicit_bzero()
#include <sys/mman.h>

namespace onehop::net {

void* allocate_locked(std::size_t size) {
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // Both calls are precautions. The keys can be used even if they fail.
  (void)::mlock(memory, size);
  (void)::madvise(memory, size, MADV_DONTDUMP);
  return memory;
}

void free_locked(void* memory, std::size_t size) noexcept {
  ::explicit_bzero(memory, size);
  ::munmap(memory, size);  // unlocks it
}

void cleanse(std::span<char> text) noexcept {
  ::explicit_bzero(text.data(), text.size());
}

}  // namespace onehop::net
