// SPDX-License-Identifier: Apache-2.0
//
// What the process holds of the heap for its peers: messages, buffers, frames, connections, with
// the free lists they come from; and how much a thread may see held before it takes nothing new on.
// Whoever takes memory from malloc or gives it back says so here. Each thread counts for itself and
// reports in steps, so that nothing shared is written for a small request.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace onehop {

// What a thread may keep to itself: by so much for each thread held_memory() is inexact.
inline constexpr std::ptrdiff_t kHeldMemoryStep = std::ptrdiff_t{64} * 1024;

void note_held(std::size_t byte_count) noexcept;
// On any thread.
void note_let_go(std::size_t byte_count) noexcept;
// What this thread has not reported yet; when it ends.
void report_held_memory() noexcept;
// Of all threads.
std::size_t held_memory() noexcept;

// For this thread; without one, memory is never short.
inline constexpr std::size_t kNoMemoryCeiling = ~std::size_t{0};
void set_memory_ceiling(std::size_t byte_count) noexcept;
// What could grow does not, while that is so.
bool memory_is_short() noexcept;

// For what a standard container takes.
template <class T>
struct HeldAllocator {
  using value_type = T;
  HeldAllocator() noexcept = default;
  template <class U>
  // NOLINTNEXTLINE(google-explicit-constructor): allocators turn into each other
  HeldAllocator(const HeldAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) {
    T* const memory = std::allocator<T>().allocate(count);
    note_held(count * sizeof(T));
    return memory;
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    std::allocator<T>().deallocate(memory, count);
    note_let_go(count * sizeof(T));
  }
  friend bool operator==(HeldAllocator, HeldAllocator) noexcept { return true; }
};
using HeldString = std::basic_string<char, std::char_traits<char>, HeldAllocator<char>>;

}  // namespace onehop
