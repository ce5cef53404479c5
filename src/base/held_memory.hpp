// SPDX-License-Identifier: Apache-2.0
//
// Counts the heap memory that the process holds for its peers: messages, buffers, frames,
// connections and their free lists. It also holds the limit above which a thread takes on no new
// work. Code that allocates memory for a peer, or frees it, reports it here. Each thread counts
// locally and publishes in steps, so that a small request writes no shared memory.
// Thread: any.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace onehop {

// The maximum that a thread leaves unpublished; held_memory() is off by at most this per thread.
inline constexpr std::ptrdiff_t kHeldMemoryStep = std::ptrdiff_t{64} * 1024;

void count_held(std::size_t size) noexcept;
// May be called on another thread than the matching count_held().
void count_released(std::size_t size) noexcept;
// Publishes what this thread has not published yet. Called when the thread ends.
void report_held_memory() noexcept;
// Returns the sum over all threads.
std::size_t held_memory() noexcept;

// Sets the ceiling of this thread. Without a ceiling, memory is never short.
inline constexpr std::size_t kNoMemoryCeiling = ~std::size_t{0};
void set_memory_ceiling(std::size_t size) noexcept;
// Reports whether the ceiling is reached. Buffers do not grow while it is.
bool memory_is_short() noexcept;

// Lasting is the base of classes whose objects outlive many requests: connections, their streams
// and loops. They come from malloc, because a block of the pool lies among blocks that requests
// return, and would keep their pages in use.
class Lasting {
 public:
  static void* operator new(std::size_t size) { return allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { free(memory, size); }

 private:
  static void* allocate(std::size_t size);
  static void free(void* memory, std::size_t size) noexcept;
};

// Counts the memory of a standard container.
template <class T>
struct HeldAllocator {
  using value_type = T;
  HeldAllocator() noexcept = default;
  template <class U>
  // NOLINTNEXTLINE(google-explicit-constructor): allocators turn into each other
  HeldAllocator(const HeldAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) {
    T* const memory = std::allocator<T>().allocate(count);
    count_held(count * sizeof(T));
    return memory;
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    std::allocator<T>().deallocate(memory, count);
    count_released(count * sizeof(T));
  }
  friend bool operator==(HeldAllocator, HeldAllocator) noexcept { return true; }
};
using HeldString = std::basic_string<char, std::char_traits<char>, HeldAllocator<char>>;

}  // namespace onehop
