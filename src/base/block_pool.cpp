// SPDX-License-Identifier: Apache-2.0
#include "base/block_pool.hpp"

#include "base/held_memory.hpp"
#include "base/memory_checker.hpp"
#include "base/returned_memory.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace onehop {
namespace {

constexpr std::size_t kLists = kLargestPooledBlock / kBlockStep;
// Blocks of a list that are always kept, and octets past which none is.
constexpr std::uint32_t kAlwaysKept = 32;
constexpr std::size_t kMostKept = std::size_t{4} << 20;
constexpr std::size_t kMuch = std::size_t{1} << 20;

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* first;
  std::uint32_t count;
  std::uint32_t least;  // what `count` has not been below since the pool was shrunk
};

// Trivially destructible, so that what dies after the thread's other objects finds it.
struct Pool {
  enum class State : std::uint8_t { untouched, open, closed };
  FreeList lists[kLists];
  State state;
};
constinit thread_local Pool t_pool{};

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
  Closer() noexcept { t_pool.state = Pool::State::open; }
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;
  ~Closer() {
    t_pool.state = Pool::State::closed;
    for (std::size_t index = 0; index < kLists; ++index)
      free_some(t_pool.lists[index], t_pool.lists[index].count, size_of(index));
    report_held_memory();
  }
};

// False when blocks are not kept any more.
bool open_pool() noexcept {
  if (t_pool.state == Pool::State::untouched) {
    thread_local const Closer closer;
  }
  return t_pool.state == Pool::State::open;
}

constexpr bool is_pooled(std::size_t size) noexcept {
  return !kMemoryChecker && size <= kLargestPooledBlock;
}

}  // namespace

void* take_block(std::size_t size) noexcept {
  if (!is_pooled(size)) return take_from_heap(size);
  FreeList& list = t_pool.lists[index_of(size)];
  FreeBlock* const block = list.first;
  if (!block) return take_from_heap(size_of(index_of(size)));
  list.first = block->next;
  list.least = std::min(list.least, --list.count);
  return block;
}

void give_block(void* block, std::size_t size) noexcept {
  if (!is_pooled(size)) return give_to_heap(block, size);
  const std::size_t index = index_of(size);
  FreeList& list = t_pool.lists[index];
  const bool is_kept =
      (t_pool.state == Pool::State::open || open_pool()) &&
      (list.count < kAlwaysKept || (list.count * size_of(index) < kMostKept && !memory_is_short()));
  if (!is_kept) {
    note_returned_memory(size_of(index));
    return give_to_heap(block, size_of(index));
  }
  list.first = ::new (block) FreeBlock{list.first};
  ++list.count;
}

bool shrink_block_pool() noexcept {
  std::size_t left = 0;
  for (std::size_t index = 0; index < kLists; ++index) {
    FreeList& list = t_pool.lists[index];
    const std::uint32_t unused = list.least - std::min(list.least, kAlwaysKept);
    free_some(list, unused, size_of(index));
    note_returned_memory(unused * size_of(index));
    list.least = list.count;
    left += (list.count - std::min(list.count, kAlwaysKept)) * size_of(index);
  }
  return left > kMuch;
}

}  // namespace onehop
