// SPDX-License-Identifier: Apache-2.0
//
// Scope owns tasks that run concurrently with the one that spawned them; no task is ever detached.
// sleep_for and with_timeout use the clock of the thread's event loop. A Scope and its tasks belong
// to one worker of a Server (or to testing::run).
#pragma once

#include <onehop/error.hpp>
#include <onehop/task.hpp>

#include <chrono>
#include <coroutine>
#include <memory>
#include <utility>

namespace onehop {

class Scope {
 public:
  Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();  // as cancel()

  // Starts `work` and runs it to its first suspension. An exception that leaves it ends that task
  // only; join() rethrows the first one. An exception that no join() has rethrown is written to
  // standard error when the scope is destroyed. Throws std::invalid_argument if `work` is empty.
  void spawn(task<void> work);
  // Destroys the tasks that are still running, which runs the destructors in them. A task that
  // cancels its own scope is destroyed at its next suspension.
  void cancel();
  // Completes when all tasks have ended, or when the scope is destroyed.
  task<void> join();
  // Reports whether all tasks have ended.
  bool empty() const noexcept;

 private:
  struct State;
  static task<void> join_all(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with each join() in progress
};

// Completes after `duration`, never earlier. It must be awaited on a worker, or in testing::run;
// elsewhere it ends the process.
task<void> sleep_for(std::chrono::nanoseconds duration);

namespace detail {
// TimedWork is what run_timed() starts. The errors of run_timed() are those of with_timeout().
struct TimedWork {
  virtual ~TimedWork() = default;
  virtual bool start(std::coroutine_handle<> continuation) = 0;
};
task<Result<void>> run_timed(std::chrono::nanoseconds duration, TimedWork& work);
}  // namespace detail

// Returns the result of `work`; Errc::timed_out after `duration`, and Errc::bad_option outside an
// event loop. In both cases it destroys `work`.
template <class T>
task<Result<T>> with_timeout(std::chrono::nanoseconds duration, task<Result<T>> work) {
  struct Work final : detail::TimedWork {
    explicit Work(task<Result<T>>& w) : work(w) {}
    bool start(std::coroutine_handle<> continuation) override { return work.start(continuation); }
    task<Result<T>>& work;
  };
  Work timed(work);
  const Result<void> finished = co_await detail::run_timed(duration, timed);
  if (!finished) {
    work = task<Result<T>>();  // nothing may resume it any more
    co_return failure(finished.error());
  }
  co_return work.take();
}

}  // namespace onehop
