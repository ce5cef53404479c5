// SPDX-License-Identifier: Apache-2.0

#include "http/h2/session_memory.hpp"

#include "base/memory_checker.hpp"
#include "base/returned_memory.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace onehop::h2 {
namespace {

// Blocks of up to 1.25 KiB, which is what an exchange takes, in steps of 64 octets; nghttp2's
// buffers and tables are larger and go to malloc.
constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 20;
constexpr std::size_t kKept = 256;  // per class and thread
constexpr std::size_t kUnpooled = kClasses;

// In front of every block: nghttp2 does not say how large it is when it gives one back.
struct alignas(std::max_align_t) Head {
  std::size_t index;  // of its class, or kUnpooled
};

constexpr std::size_t capacity_of(std::size_t index) {
  return (index + 1) * kStep - sizeof(Head);
}

constexpr std::size_t class_of(std::size_t size) {
  if (kMemoryChecker || size > capacity_of(kClasses - 1)) return kUnpooled;
  return (size + sizeof(Head) - 1) / kStep;
}

class FreeLists {
 public:
  FreeLists() = default;
  FreeLists(const FreeLists&) = delete;
  FreeLists& operator=(const FreeLists&) = delete;
  ~FreeLists() {
    for (List& list : lists_) {
      while (void* memory = take(list))
        std::free(memory);
    }
  }

  void* allocate(std::size_t index) noexcept {
    void* memory = take(lists_[index]);
    return memory ? memory : std::malloc((index + 1) * kStep);
  }

  void deallocate(void* memory, std::size_t index) noexcept {
    List& list = lists_[index];
    if (list.count >= kKept) {
      note_returned_memory((index + 1) * kStep);
      std::free(memory);
      return;
    }
    list.first = ::new (memory) Free{list.first};
    ++list.count;
  }

 private:
  struct Free {
    Free* next;
  };
  struct List {
    Free* first = nullptr;
    std::size_t count = 0;
  };

  static void* take(List& list) noexcept {
    Free* const memory = list.first;
    if (!memory) return nullptr;
    list.first = memory->next;
    --list.count;
    return memory;
  }

  std::array<List, kClasses> lists_;
};

thread_local FreeLists free_lists;

Head* head_of(void* block) {
  return static_cast<Head*>(block) - 1;
}

void* block_of(void* memory, std::size_t index) {
  return memory ? ::new (memory) Head{index} + 1 : nullptr;
}

void* allocate_unpooled(void* memory, std::size_t size) noexcept {
  if (size > std::numeric_limits<std::size_t>::max() - sizeof(Head)) return nullptr;
  return block_of(std::realloc(memory, sizeof(Head) + size), kUnpooled);
}

}  // namespace

void* allocate_block(std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  if (index == kUnpooled) return allocate_unpooled(nullptr, size);
  return block_of(free_lists.allocate(index), index);
}

void free_block(void* block) noexcept {
  if (!block) return;
  Head* const head = head_of(block);
  if (head->index == kUnpooled) {
    std::free(head);
  } else {
    free_lists.deallocate(head, head->index);
  }
}

void* resize_block(void* block, std::size_t size) noexcept {
  if (!block) return allocate_block(size);
  const std::size_t index = head_of(block)->index;
  if (index == kUnpooled) return allocate_unpooled(head_of(block), size);
  if (size <= capacity_of(index)) return block;
  void* const larger = allocate_block(size);
  if (!larger) return nullptr;
  std::memcpy(larger, block, capacity_of(index));
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
