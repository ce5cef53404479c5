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

// A list always keeps kAlwaysKept blocks and never more than kMaxKept bytes.
constexpr std::uint32_t kAlwaysKept = 16;
constexpr std::size_t kMaxKept = std::size_t{4} << 20;
constexpr std::size_t kManyBytes = std::size_t{1} << 20;

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* first;
  std::uint32_t count;
  std::uint32_t min_count;  // minimum of `count` since the last shrink
};

constexpr std::size_t index_of(std::size_t size) noexcept {
  return (size + 7) / 16;
}

constexpr std::size_t size_of(std::size_t index) noexcept {
  return pooled_size(16 * index);
}

constexpr std::size_t kLists = index_of(kLargestPooledBlock) + 1;
static_assert(pooled_size(kLargestPooledBlock) == kLargestPooledBlock);

struct Pool {
  FreeList lists[kLists]{};
};

// Null until the thread returns its first block, and again after the thread's end: objects
// destroyed later find no pool.
constinit thread_local Pool* t_pool = nullptr;
constinit thread_local bool t_has_ended = false;

void* allocate_from_heap(std::size_t size) noexcept {
  void* const memory = std::malloc(size);
  if (memory) count_held(size);
  return memory;
}

void free_to_heap(void* memory, std::size_t size) noexcept {
  std::free(memory);
  count_released(size);
}

// Frees `count` blocks of `size` bytes from `list`.
void free_some(FreeList& list, std::uint32_t count, std::size_t size) noexcept {
  list.count -= count;
  for (; count > 0; --count)
    free_to_heap(std::exchange(list.first, list.first->next), size);
}

// Frees the pool when its thread ends.
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

// Returns null if this thread keeps no blocks.
Pool* open_pool() noexcept {
  if (!t_pool && !t_has_ended) {
    thread_local const Closer closer(new (std::nothrow) Pool);
  }
  return t_pool;
}

constexpr bool is_pooled(std::size_t size) noexcept {
  return !kMemoryChecker && size <= kLargestPooledBlock;
}

// Reports whether `list` may keep one more block of `size` bytes.
bool is_kept(const FreeList& list, std::size_t size) noexcept {
  return list.count < kAlwaysKept || (list.count * size < kMaxKept && !memory_is_short());
}

void keep(FreeList& list, void* block) noexcept {
  list.first = ::new (block) FreeBlock{list.first};
  ++list.count;
}

// The slow paths are separate functions so that the fast paths need not save registers for them.
[[gnu::noinline, gnu::cold]] void* take_block_slowly(std::size_t size) noexcept {
  return allocate_from_heap(is_pooled(size) ? pooled_size(size) : size);
}

[[gnu::noinline, gnu::cold]] void give_block_slowly(void* block, std::size_t size) noexcept {
  if (!is_pooled(size)) return free_to_heap(block, size);
  const std::size_t index = index_of(size);
  Pool* const pool = open_pool();
  if (pool && is_kept(pool->lists[index], size_of(index))) return keep(pool->lists[index], block);
  count_returned_memory(size_of(index));
  free_to_heap(block, size_of(index));
}

}  // namespace

void* take_block(std::size_t size) noexcept {
  Pool* const pool = t_pool;
  if (!is_pooled(size) || !pool) return take_block_slowly(size);
  FreeList& list = pool->lists[index_of(size)];
  FreeBlock* const block = list.first;
  if (!block) return take_block_slowly(size);
  list.first = block->next;
  list.min_count = std::min(list.min_count, --list.count);
  return block;
}

void give_block(void* block, std::size_t size) noexcept {
  Pool* const pool = t_pool;
  if (!is_pooled(size) || !pool) return give_block_slowly(block, size);
  const std::size_t index = index_of(size);
  FreeList& list = pool->lists[index];
  if (!is_kept(list, size_of(index))) return give_block_slowly(block, size);
  keep(list, block);
}

bool shrink_block_pool() noexcept {
  Pool* const pool = t_pool;
  if (!pool) return false;
  std::size_t left = 0;
  for (std::size_t index = 0; index < kLists; ++index) {
    FreeList& list = pool->lists[index];
    const std::uint32_t unused = list.min_count - std::min(list.min_count, kAlwaysKept);
    free_some(list, unused, size_of(index));
    count_returned_memory(unused * size_of(index));
    list.min_count = list.count;
    left += (list.count - std::min(list.count, kAlwaysKept)) * size_of(index);
  }
  return left > kManyBytes;
}

}  // namespace onehop
