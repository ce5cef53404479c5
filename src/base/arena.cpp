// SPDX-License-Identifier: Apache-2.0

#include "base/arena.hpp"

#include "base/memory_checker.hpp"
#include "base/returned_memory.hpp"

#include <cstdlib>

namespace onehop {
namespace {

// 512 KiB per thread at most. None under a memory checker, which then sees a view that outlives its
// message.
constexpr std::size_t kMaxFreeBlocks = kMemoryChecker ? 0 : 128;

struct FreeBlock {
  FreeBlock* next;
};

// Trivially destructible, so that a message that dies after the thread's other objects finds it.
struct FreeList {
  FreeBlock* first;
  std::size_t size;
  bool closed;
};
constinit thread_local FreeList t_free{nullptr, 0, false};

struct FreeListCloser {
  FreeListCloser() noexcept = default;
  FreeListCloser(const FreeListCloser&) = delete;
  FreeListCloser& operator=(const FreeListCloser&) = delete;

  ~FreeListCloser() {
    t_free.closed = true;
    while (t_free.first != nullptr)
      std::free(std::exchange(t_free.first, t_free.first->next));
    t_free.size = 0;
  }

  void arm() const noexcept {}
};
thread_local const FreeListCloser t_closer;

void* allocate_or_throw(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* take_block() {
  if (t_free.first != nullptr) {
    --t_free.size;
    return std::exchange(t_free.first, t_free.first->next);
  }
  return allocate_or_throw(Arena::kBlockSize);
}

void give_block(void* memory) noexcept {
  if (t_free.closed || t_free.size == kMaxFreeBlocks) {
    note_returned_memory(Arena::kBlockSize);
    std::free(memory);
    return;
  }
  if (t_free.size == 0) t_closer.arm();
  ++t_free.size;
  t_free.first = ::new (memory) FreeBlock{t_free.first};
}

constexpr std::size_t round_up(std::size_t size) {
  return (size + 15) & ~std::size_t{15};
}

}  // namespace

ArenaRef Arena::create() {
  auto* memory = static_cast<char*>(take_block());
  return ArenaRef(::new (memory) Arena(memory + round_up(sizeof(Arena)), memory + kBlockSize));
}

char* Arena::allocate_in_new_block(std::size_t size) {
  constexpr std::size_t kHeader = round_up(sizeof(Block));
  const bool usual = size <= kBlockSize - kHeader;
  const std::size_t block_size = usual ? kBlockSize : kHeader + size;
  auto* memory = static_cast<char*>(usual ? take_block() : allocate_or_throw(block_size));
  more_ = ::new (memory) Block{more_, block_size};
  char* result = memory + kHeader;
  // The current block stays in use when it has more room left than the new one.
  const auto left = static_cast<std::size_t>(limit_ - next_);
  if (block_size - kHeader - size > left) {
    next_ = result + size;
    limit_ = memory + block_size;
  }
  return result;
}

void Arena::destroy() noexcept {
  for (Cleanup* cleanup = cleanups_; cleanup != nullptr; cleanup = cleanup->next) {
    cleanup->destroy(cleanup->object);
  }
  for (Block* block = more_; block != nullptr;) {
    Block* next = block->next;
    if (block->size == kBlockSize) {
      give_block(block);
    } else {
      std::free(block);
    }
    block = next;
  }
  this->~Arena();
  give_block(this);
}

void ArenaRef::retain() const noexcept {
  if (arena_ != nullptr) arena_->retain();
}

void ArenaRef::release() noexcept {
  if (arena_ != nullptr) arena_->release();
}

}  // namespace onehop
