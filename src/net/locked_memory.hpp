// SPDX-License-Identifier: Apache-2.0
//
// Memory for keys, in pages of its own. The kernel writes them neither to swap space, as far as
// RLIMIT_MEMLOCK allows, nor to core dumps. The memory is overwritten before it is freed.
// Thread: any.
#pragma once

#include <cstddef>
#include <span>

namespace onehop::net {

// Throws std::bad_alloc.
void* allocate_locked(std::size_t size);
void free_locked(void* memory, std::size_t size) noexcept;

// Overwrites a text that contained a key.
void cleanse(std::span<char> text) noexcept;

// For containers: std::vector<Key, LockedAllocator<Key>>.
template <class T>
struct LockedAllocator {
  using value_type = T;

  LockedAllocator() noexcept = default;
  template <class Other>
  explicit LockedAllocator(const LockedAllocator<Other>&) noexcept {}

  T* allocate(std::size_t count) { return static_cast<T*>(allocate_locked(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) noexcept { free_locked(memory, count * sizeof(T)); }

  template <class Other>
  bool operator==(const LockedAllocator<Other>&) const noexcept {
    return true;
  }
};

}  // namespace onehop::net
