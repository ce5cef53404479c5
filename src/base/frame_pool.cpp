// SPDX-License-Identifier: Apache-2.0
#include <onehop/task.hpp>

#include "base/memory_checker.hpp"
#include "base/returned_memory.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace onehop::detail {
namespace {

// Frames of up to 4 KiB in steps of 64 octets; larger ones are rare and go to malloc.
constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 64;
constexpr std::size_t kKept = 64;  // per class and thread

class FramePool {
 public:
  FramePool() = default;
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  ~FramePool() {
    for (Class& c : classes_) {
      while (c.first) {
        Free* next = c.first->next;
        std::free(c.first);
        c.first = next;
      }
    }
  }

  void* allocate(std::size_t index) {
    Class& c = classes_[index];
    if (!c.first) return std::malloc((index + 1) * kStep);
    Free* frame = c.first;
    c.first = frame->next;
    --c.count;
    return frame;
  }
  void deallocate(void* frame, std::size_t index) noexcept {
    Class& c = classes_[index];
    if (c.count >= kKept) {
      note_returned_memory((index + 1) * kStep);
      std::free(frame);
      return;
    }
    c.first = ::new (frame) Free{c.first};
    ++c.count;
  }

 private:
  struct Free {
    Free* next;
  };
  struct Class {
    Free* first = nullptr;
    std::size_t count = 0;
  };
  Class classes_[kClasses];
};

thread_local FramePool frame_pool;

constexpr std::size_t class_of(std::size_t size) {
  return (size - 1) / kStep;
}

}  // namespace

void* allocate_frame(std::size_t size) {
  void* frame = nullptr;
  if (kMemoryChecker || class_of(size) >= kClasses) {
    frame = std::malloc(size);
  } else {
    frame = frame_pool.allocate(class_of(size));
  }
  if (!frame) throw std::bad_alloc();
  return frame;
}

void deallocate_frame(void* frame, std::size_t size) noexcept {
  if (kMemoryChecker || class_of(size) >= kClasses) {
    std::free(frame);
  } else {
    frame_pool.deallocate(frame, class_of(size));
  }
}

}  // namespace onehop::detail
