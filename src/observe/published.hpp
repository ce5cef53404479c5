// SPDX-License-Identifier: Apache-2.0
//
// Published<T> holds an object that its owner makes on first use and that other threads may then
// read. The object lives as long as the Published.
// Any thread may call get().
// Thread: owner.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace onehop::observe {

template <class T>
class Published {
 public:
  // Returns null before make().
  T* get() const noexcept { return published_.load(std::memory_order_acquire); }
  template <class... Arguments>
  T& make(Arguments&&... arguments) {
    object_ = std::make_unique<T>(std::forward<Arguments>(arguments)...);
    published_.store(object_.get(), std::memory_order_release);
    return *object_;
  }
  template <class... Arguments>
  T& get_or_make(Arguments&&... arguments) {
    T* const made = published_.load(std::memory_order_relaxed);
    return made != nullptr ? *made : make(std::forward<Arguments>(arguments)...);
  }
  // Destroys the object. No other thread may use the Published meanwhile.
  void reset() noexcept {
    published_.store(nullptr, std::memory_order_relaxed);
    object_.reset();
  }

 private:
  std::unique_ptr<T> object_;
  std::atomic<T*> published_ = nullptr;
};

}  // namespace onehop::observe
