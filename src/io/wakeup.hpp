// SPDX-License-Identifier: Apache-2.0
//
// Wakeup is a suspended coroutine, or a callback, that an event loop runs later. The waiter owns
// it, usually inside an awaiter. A Wakeup leaves its list when it is destroyed, and so never runs
// after that.
// Thread: owner.
#pragma once

#include "base/intrusive_list.hpp"
#include "io/callback.hpp"

#include <coroutine>
#include <cstdint>
#include <utility>

namespace onehop::io {

// Wait is the reason why a wait ended.
enum class Wait : std::uint8_t { ready, timed_out, interrupted };

// Identifies the task of a Scope that runs on this thread; null if there is none. The identity
// follows the task through its waits, so that a task that cancels its own Scope is not destroyed
// while it runs.
inline constinit thread_local const void* running_task = nullptr;

class Wakeup : public ListNode {
 public:
  using Callback = void (*)(void* context);

  Wakeup() noexcept = default;
  Wakeup(Callback callback, void* context) noexcept : callback_(callback), context_(context) {}
  explicit Wakeup(io::Callback callback) noexcept : Wakeup(callback.function, callback.context) {}

  // Resumes `handle` instead of calling a function.
  void set_coroutine(std::coroutine_handle<> handle) noexcept {
    callback_ = [](void* frame) { std::coroutine_handle<>::from_address(frame).resume(); };
    context_ = handle.address();
    task_ = running_task;
  }
  // Does not touch *this afterwards: the callback may destroy it.
  void run() {
    const void* before = std::exchange(running_task, task_);
    callback_(context_);
    running_task = before;
  }

  Wait result() const noexcept { return result_; }
  void set_result(Wait result) noexcept { result_ = result; }

 private:
  Callback callback_ = nullptr;
  void* context_ = nullptr;
  const void* task_ = nullptr;
  Wait result_ = Wait::ready;
};

}  // namespace onehop::io
