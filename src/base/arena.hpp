// SPDX-License-Identifier: Apache-2.0
//
// Arena: append-only memory shared by the messages of one exchange. Nothing in it moves or is freed
// until the last ArenaRef is gone, so views into it stay valid. The reference count is not atomic.
// Thread: owner.
#pragma once

#include <onehop/detail/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace onehop {

using detail::Arena;
using detail::ArenaRef;

class detail::Arena {
 public:
  // Fits a typical head and its edits in one block.
  static constexpr std::size_t kBlockSize = 4088;

  static ArenaRef create();

  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Returns uninitialised memory aligned for any fundamental type.
  void* allocate(std::size_t size) {
    const std::size_t gap = -reinterpret_cast<std::uintptr_t>(next_) & 15;
    if (gap + size > static_cast<std::size_t>(limit_ - next_)) return allocate_in_new_block(size);
    void* result = next_ + gap;
    next_ += gap + size;
    return result;
  }
  // Returns unaligned memory, so that consecutive texts are contiguous unless a new block starts.
  char* allocate_text(std::size_t size) {
    if (size > static_cast<std::size_t>(limit_ - next_)) return allocate_in_new_block(size);
    return std::exchange(next_, next_ + size);
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return "";
    char* out = allocate_text(text.size());
    std::memcpy(out, text.data(), text.size());
    return {out, text.size()};
  }
  // Constructs an object that is destroyed with the arena.
  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(alignof(T) <= 16);
    auto* object = ::new (allocate(sizeof(T))) T(std::forward<Args>(args)...);
    if constexpr (!std::is_trivially_destructible_v<T>) {
      auto* cleanup = static_cast<Cleanup*>(allocate(sizeof(Cleanup)));
      *cleanup = Cleanup{cleanups_, object, [](void* p) { static_cast<T*>(p)->~T(); }};
      cleanups_ = cleanup;
    }
    return object;
  }

  // An object that a program attached to the exchange; see <onehop/values.hpp>.
  struct Value {
    Value* next;
    const void* key;
    void* object;
    void (*destroy)(void*) noexcept;
  };
  const Value* values() const noexcept { return values_; }
  // Adds a value. When the arena is destroyed, it calls `end` with `object`, for the last value
  // first.
  void add_value(const void* key, void* object, void (*end)(void*) noexcept) {
    values_ = ::new (allocate(sizeof(Value))) Value{values_, key, object, end};
  }

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) destroy();
  }

 private:
  struct Cleanup {
    Cleanup* next;
    void* object;
    void (*destroy)(void*);
  };
  struct Block {
    Block* next;
    std::size_t size;
  };

  Arena(char* begin, char* end) noexcept : next_(begin), limit_(end) {}
  ~Arena() = default;
  char* allocate_in_new_block(std::size_t size);
  // Not inlined: most releases leave other references.
  [[gnu::noinline]] void destroy() noexcept;

  char* next_;
  char* limit_;
  Block* more_ = nullptr;  // blocks after the one that holds this object
  Cleanup* cleanups_ = nullptr;
  Value* values_ = nullptr;
  std::uint32_t references_ = 1;
};

}  // namespace onehop
