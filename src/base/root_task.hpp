// SPDX-License-Identifier: Apache-2.0
//
// RootTask<Owner>: a coroutine that nobody awaits, such as the loop of a connection. Its owner
// starts it, and is told of an exception that leaves it: Owner::on_exception() noexcept is called,
// as from a catch block, and ends what the coroutine was for. With a task<void> the exception would
// be kept for an awaiter that never comes, and whoever waits for the owner would wait for ever. It
// is a member of the owner, and a function `RootTask<Owner> Owner::run()` makes it; destroying it
// cancels the coroutine. on_exception() must not destroy it. One thread.
#pragma once

#include <onehop/task.hpp>

#include <coroutine>
#include <utility>

namespace onehop {

template <class Owner>
class [[nodiscard("a task does nothing until it is started")]] RootTask {
 public:
  class promise_type : public detail::InFramePool {  // NOLINT(readability-identifier-naming)
   public:
    template <class... Arguments>
    explicit promise_type(Owner& owner, const Arguments&...) noexcept : owner_(owner) {}
    RootTask get_return_object() noexcept {
      return RootTask(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { tell(owner_); }

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

  // Runs the coroutine until it finishes or waits. Once.
  void start() { handle_.resume(); }

 private:
  explicit RootTask(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  static void tell(Owner& owner) noexcept { owner.on_exception(); }

  std::coroutine_handle<promise_type> handle_;
};

}  // namespace onehop
