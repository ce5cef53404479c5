// SPDX-License-Identifier: Apache-2.0

#include "http/h2/session_memory.hpp"

#include "base/block_pool.hpp"
#include "base/memory_checker.hpp"

#include <cstddef>
#include <cstring>
#include <limits>
#include <new>

namespace onehop::h2 {
namespace {

// Precedes every block, because nghttp2 does not pass the size when it frees a block.
struct alignas(std::max_align_t) Head {
  std::size_t size;  // of the block, this header included
};

constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max() - sizeof(Head);

Head* head_of(void* block) {
  return static_cast<Head*>(block) - 1;
}

// Returns the largest size that costs no more memory than `size` bytes.
constexpr std::size_t rounded(std::size_t size) {
  if (kMemoryChecker || size > kLargestPooledBlock) return size;
  return pooled_size(size);
}

}  // namespace

void* allocate_block(std::size_t size) noexcept {
  if (size > kMax) return nullptr;
  const std::size_t whole = rounded(sizeof(Head) + size);
  void* const memory = take_block(whole);
  return memory ? ::new (memory) Head{whole} + 1 : nullptr;
}

void free_block(void* block) noexcept {
  if (!block) return;
  Head* const head = head_of(block);
  give_block(head, head->size);
}

void* resize_block(void* block, std::size_t size) noexcept {
  if (!block) return allocate_block(size);
  const std::size_t room = head_of(block)->size - sizeof(Head);
  if (size <= room) return block;
  void* const larger = allocate_block(size);
  if (!larger) return nullptr;
  std::memcpy(larger, block, room);
  free_block(block);
  return larger;
}

void* allocate_zeroed(std::size_t count, std::size_t size) noexcept {
  if (size > 0 && count > std::numeric_limits<std::size_t>::max() / size) return nullptr;
  void* const block = allocate_block(count * size);
  if (block) std::memset(block, 0, count * size);
  return block;
}

}  // namespace onehop::h2
