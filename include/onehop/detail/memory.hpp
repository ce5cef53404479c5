// SPDX-License-Identifier: Apache-2.0
//
// The memory of coroutine frames and of messages. Not part of the interface: names in
// onehop::detail may change in any release.
#pragma once

#include <cstddef>
#include <utility>

namespace onehop::detail {

// Returns memory from the free lists of the calling thread; throws std::bad_alloc. Any thread may
// free it.
void* allocate_frame(std::size_t size);
void deallocate_frame(void* frame, std::size_t size) noexcept;

// The base of a class whose objects live about as long as a coroutine frame.
class InFramePool {
 public:
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* memory, std::size_t size) noexcept {
    deallocate_frame(memory, size);
  }
};

template <class T>
struct FramePoolAllocator {
  using value_type = T;
  FramePoolAllocator() noexcept = default;
  template <class U>
  // NOLINTNEXTLINE(google-explicit-constructor): allocators convert to each other
  FramePoolAllocator(const FramePoolAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) { return static_cast<T*>(allocate_frame(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) noexcept {
    deallocate_frame(memory, count * sizeof(T));
  }
  friend bool operator==(FramePoolAllocator, FramePoolAllocator) noexcept { return true; }
};

class Arena;  // the append-only memory of the messages of one exchange

// A counted reference to an Arena. Not atomic: messages belong to one thread at a time.
class ArenaRef {
 public:
  ArenaRef() noexcept = default;
  explicit ArenaRef(Arena* adopted) noexcept : arena_(adopted) {}
  ArenaRef(const ArenaRef& other) noexcept : arena_(other.arena_) { retain(); }
  ArenaRef(ArenaRef&& other) noexcept : arena_(std::exchange(other.arena_, nullptr)) {}
  ArenaRef& operator=(ArenaRef other) noexcept {
    std::swap(arena_, other.arena_);
    return *this;
  }
  ~ArenaRef() { release(); }

  Arena* get() const noexcept { return arena_; }
  Arena* operator->() const noexcept { return arena_; }
  Arena& operator*() const noexcept { return *arena_; }
  explicit operator bool() const noexcept { return arena_ != nullptr; }

 private:
  void retain() const noexcept;
  void release() noexcept;

  Arena* arena_ = nullptr;
};

}  // namespace onehop::detail
