// SPDX-License-Identifier: Apache-2.0

#include "base/arena.hpp"

#include "base/block_pool.hpp"

namespace onehop {
namespace {

static_assert(Arena::kBlockSize <= kLargestPooledBlock);

void* take_block_or_throw(std::size_t size) {
  void* const memory = take_block(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

constexpr std::size_t round_up(std::size_t size) {
  return (size + 15) & ~std::size_t{15};
}

}  // namespace

ArenaRef Arena::create() {
  auto* memory = static_cast<char*>(take_block_or_throw(kBlockSize));
  return ArenaRef(::new (memory) Arena(memory + round_up(sizeof(Arena)), memory + kBlockSize));
}

char* Arena::allocate_in_new_block(std::size_t size) {
  constexpr std::size_t kHeader = round_up(sizeof(Block));
  const bool usual = size <= kBlockSize - kHeader;
  const std::size_t block_size = usual ? kBlockSize : kHeader + size;
  auto* memory = static_cast<char*>(take_block_or_throw(block_size));
  more_ = ::new (memory) Block{more_, block_size};
  char* result = memory + kHeader;
  // Keep the current block if it has more room left than the new one.
  const auto left = static_cast<std::size_t>(limit_ - next_);
  if (block_size - kHeader - size > left) {
    next_ = result + size;
    limit_ = memory + block_size;
  }
  return result;
}

void Arena::destroy() noexcept {
  while (values_ != nullptr) {
    // Unlinked first, because the destructor may look at the other values.
    const Value* const value = values_;
    values_ = value->next;
    value->destroy(value->object);
  }
  for (Cleanup* cleanup = cleanups_; cleanup != nullptr; cleanup = cleanup->next) {
    cleanup->destroy(cleanup->object);
  }
  for (Block* block = more_; block != nullptr;) {
    Block* next = block->next;
    give_block(block, block->size);
    block = next;
  }
  this->~Arena();
  give_block(this, kBlockSize);
}

void ArenaRef::retain() const noexcept {
  if (arena_ != nullptr) arena_->retain();
}

void ArenaRef::release() noexcept {
  if (arena_ != nullptr) arena_->release();
}

}  // namespace onehop
