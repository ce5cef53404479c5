// SPDX-License-Identifier: Apache-2.0
#include "base/block_pool.hpp"

#include "base/held_memory.hpp"
#include "base/memory_checker.hpp"
#include "base/returned_memory.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace onehop {
namespace {

constexpr std::size_t kLists = kLargestPooledBlock / kBlockStep;
// Blocks of a list that are always kept, and bytes past which none is.
constexpr std::uint32_t kAlwaysKept = 32;
constexpr std::size_t kMaxKept = std::size_t{4} << 20;
constexpr std::size_t kMuch = std::size_t{1} << 20;

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* first;
  std::uint32_t count;
  std::uint32_t least;  // what `count` has not been below since the pool was shrunk
};

struct Pool {
  FreeList lists[kLists]{};
};

// Null until the thread gives its first block back, and again once it ends: what dies after the
// thread's other objects finds that no block is kept any more.
constinit thread_local Pool* t_pool = nullptr;
constinit thread_local bool t_has_ended = false;

void* take_from_heap(std::size_t size) noexcept {
  void* const memory = std::malloc(size);
  if (memory) note_held(size);
  return memory;
}

void give_to_heap(void* memory, std::size_t size) noexcept {
  std::free(memory);
  note_let_go(size);
}

// Of blocks of that size.
void free_some(FreeList& list, std::uint32_t count, std::size_t size) noexcept {
  list.count -= count;
  for (; count > 0; --count)
    give_to_heap(std::exchange(list.first, list.first->next), size);
}

constexpr std::size_t index_of(std::size_t size) noexcept {
  return (size - 1) / kBlockStep;
}

constexpr std::size_t size_of(std::size_t index) noexcept {
  return (index + 1) * kBlockStep;
}

// Empties the pool when its thread ends.
struct Closer {
  explicit Closer(Pool* pool) noexcept { t_pool = pool; }
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;
  ~Closer() {
    const std::unique_ptr<Pool> pool(std::exchange(t_pool, nullptr));
    t_has_ended = true;
    if (!pool) return;
    for (std::size_t index = 0; index < kLists; ++index)
      free_some(pool->lists[index], pool->lists[index].count, size_of(index));
    report_held_memory();
  }
};

// Null when blocks are not kept.
Pool* open_pool() noexcept {
  if (!t_pool && !t_has_ended) {
    thread_local const Closer closer(new (std::nothrow) Pool);
  }
  return t_pool;
}

constexpr bool is_pooled(std::size_t size) noexcept {
  return !kMemoryChecker && size <= kLargestPooledBlock;
}

// Of blocks of that size; one more.
bool is_kept(const FreeList& list, std::size_t size) noexcept {
  return list.count < kAlwaysKept || (list.count * size < kMaxKept && !memory_is_short());
}

void keep(FreeList& list, void* block) noexcept {
  list.first = ::new (block) FreeBlock{list.first};
  ++list.count;
}

// What is rare stands by itself, so that what is not need not save registers for it.
[[gnu::noinline, gnu::cold]] void* take_anew(std::size_t size) noexcept {
  return take_from_heap(is_pooled(size) ? size_of(index_of(size)) : size);
}

[[gnu::noinline, gnu::cold]] void give_back(void* block, std::size_t size) noexcept {
  if (!is_pooled(size)) return give_to_heap(block, size);
  const std::size_t index = index_of(size);
  Pool* const pool = open_pool();
  if (pool && is_kept(pool->lists[index], size_of(index))) return keep(pool->lists[index], block);
  note_returned_memory(size_of(index));
  give_to_heap(block, size_of(index));
}

}  // namespace

void* take_block(std::size_t size) noexcept {
  Pool* const pool = t_pool;
  if (!is_pooled(size) || !pool) return take_anew(size);
  FreeList& list = pool->lists[index_of(size)];
  FreeBlock* const block = list.first;
  if (!block) return take_anew(size);
  list.first = block->next;
  list.least = std::min(list.least, --list.count);
  return block;
}

void give_block(void* block, std::size_t size) noexcept {
  Pool* const pool = t_pool;
  if (!is_pooled(size) || !pool) return give_back(block, size);
  const std::size_t index = index_of(size);
  FreeList& list = pool->lists[index];
  if (!is_kept(list, size_of(index))) return give_back(block, size);
  keep(list, block);
}

bool shrink_block_pool() noexcept {
  Pool* const pool = t_pool;
  if (!pool) return false;
  std::size_t left = 0;
  for (std::size_t index = 0; index < kLists; ++index) {
    FreeList& list = pool->lists[index];
    const std::uint32_t unused = list.least - std::min(list.least, kAlwaysKept);
    free_some(list, unused, size_of(index));
    note_returned_memory(unused * size_of(index));
    list.least = list.count;
    left += (list.count - std::min(list.count, kAlwaysKept)) * size_of(index);
  }
  return left > kMuch;
}

}  // namespace onehop
