// SPDX-License-Identifier: Apache-2.0
//
// task<T> is a lazy, move-only coroutine. It starts when it is awaited, on the awaiting thread.
// Destroying a suspended task runs the destructors in it, and so cancels its work. A task is
// awaited once, by one awaiter: `co_await std::move(t)` or `co_await f()`.
#pragma once

#include <onehop/detail/compiler.hpp>
#include <onehop/detail/memory.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace onehop {

template <class T>
class task;

namespace detail {

class TaskPromiseBase : public InFramePool {
 public:
  std::suspend_always initial_suspend() const noexcept { return {}; }

  // A child that finishes before its parent has suspended only sets a flag. The parent then
  // continues without suspending, so the stack does not grow, however often that happens.
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      TaskPromiseBase& promise = self.promise();
      if (promise.starting_) {
        promise.finished_ = true;
        return std::noop_coroutine();
      }
      return promise.continuation_ ? promise.continuation_ : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  FinalAwaiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  // Runs the coroutine until it finishes or waits. Returns true if it has finished; otherwise it
  // resumes `continuation` when it finishes.
  bool start(std::coroutine_handle<> self, std::coroutine_handle<> continuation) {
    continuation_ = continuation;
    starting_ = true;
    self.resume();
    starting_ = false;
    return finished_;
  }

 protected:
  std::coroutine_handle<> continuation_;
  std::exception_ptr exception_;
  bool starting_ = false;
  bool finished_ = false;
};

template <class T>
class TaskPromise final : public TaskPromiseBase {
 public:
  task<T> get_return_object() noexcept;
  template <class U>
    requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    if (exception_) std::rethrow_exception(exception_);
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() {
    if (exception_) std::rethrow_exception(exception_);
  }
};

}  // namespace detail

template <class T>
class [[nodiscard("a task does nothing until it is awaited")]] task {
 public:
  using promise_type = detail::TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;  // of the owned coroutine

  task() noexcept = default;
  // Takes ownership of the coroutine, which has not begun.
  explicit task(Handle handle) noexcept : handle_(handle) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  task(const task&) = delete;
  task& operator=(const task&) = delete;
  ~task() {
    if (handle_) handle_.destroy();
  }

  // Returns false after a move and for a default-constructed task; neither must be awaited.
  explicit operator bool() const noexcept { return bool(handle_); }

  // The awaiter of `co_await`. It runs the coroutine, and resumes the awaiting coroutine at its
  // end.
  class Awaiter {
   public:
    // The task must outlive the awaiter.
    explicit Awaiter(Handle handle) noexcept : handle_(handle) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> parent) {
      return !handle_.promise().start(handle_, parent);
    }
    T await_resume() { return handle_.promise().take(); }

   private:
    Handle handle_;
  };
  Awaiter operator co_await() && noexcept { return Awaiter(handle_); }

  // For code that drives tasks itself (schedulers, tests). Runs the task until its first wait.
  // Returns true if it has finished; otherwise it resumes `continuation`, which may be empty, at
  // its end.
  bool start(std::coroutine_handle<> continuation = {}) {
    return handle_.promise().start(handle_, continuation);
  }
  // Reports whether the coroutine has ended.
  bool done() const noexcept { return handle_ && handle_.done(); }
  // Returns the result of a finished task, or rethrows the exception of its coroutine.
  T take() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

namespace detail {
template <class T>
task<T> TaskPromise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
inline task<void> TaskPromise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

// g++ 12 copies aggregate parameters of coroutines bitwise and destroys them twice. A coroutine
// parameter therefore needs a constructor of its own, or must be trivially copyable.
template <class T>
concept IsComplete = requires { sizeof(T); };
template <class T>
constexpr bool is_safe_parameter() {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (!IsComplete<Plain>) {
    return true;  // the closure of the coroutine lambda itself
  } else {
    return !std::is_aggregate_v<Plain> || std::is_trivially_copyable_v<Plain>;
  }
}
}  // namespace detail

}  // namespace onehop

template <class T, class... Args>
struct std::coroutine_traits<onehop::task<T>, Args...> {
  static_assert((onehop::detail::is_safe_parameter<Args>() && ...),
                "give this coroutine parameter's type a user-declared constructor");
  using promise_type = onehop::detail::TaskPromise<T>;
};
