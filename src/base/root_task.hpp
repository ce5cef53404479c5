// SPDX-License-Identifier: Apache-2.0
//
// RootTask<Owner>: a coroutine without an awaiter, such as the loop of a connection. If an
// exception leaves the coroutine, it calls Owner::on_exception() noexcept from within a catch
// block; that function ends the owner's work but must not destroy the task. (A task<void> would
// keep the exception for an awaiter that never comes.) The owner holds the task as a member, made
// by a member function `RootTask<Owner> Owner::run()`. Destroying it cancels the coroutine.
// Thread: owner.
#pragma once

#include <onehop/task.hpp>

#include "base/held_memory.hpp"

#include <coroutine>
#include <type_traits>
#include <utility>

namespace onehop {

template <class Owner>
class [[nodiscard("a task does nothing until it is started")]] RootTask {
 public:
  // The frame of a Lasting owner lasts as well.
  class promise_type  // NOLINT(readability-identifier-naming)
      : public std::conditional_t<std::is_base_of_v<Lasting, Owner>, Lasting, detail::InFramePool> {
   public:
    template <class... Arguments>
    explicit promise_type(Owner& owner, const Arguments&...) noexcept : owner_(owner) {}
    RootTask get_return_object() noexcept {
      return RootTask(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { report(owner_); }

   private:
    Owner& owner_;
  };

  RootTask() noexcept = default;
  RootTask(RootTask&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  RootTask& operator=(RootTask&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  RootTask(const RootTask&) = delete;
  RootTask& operator=(const RootTask&) = delete;
  ~RootTask() {
    if (handle_) handle_.destroy();
  }

  // Runs the coroutine until it suspends or finishes. Call it once.
  void start() { handle_.resume(); }

 private:
  explicit RootTask(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  static void report(Owner& owner) noexcept { owner.on_exception(); }

  std::coroutine_handle<promise_type> handle_;
};

}  // namespace onehop
