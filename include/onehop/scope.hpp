// SPDX-License-Identifier: Apache-2.0
//
// Scope owns tasks that run beside the one that spawned them; nothing is ever detached. sleep_for
// and with_timeout wait on the clock of the thread's event loop. All of it on one thread, inside a
// Server (or testing::run).
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
  ~Scope();  // cancel()

  // Starts `work` now, until its first wait. An exception out of it ends that task alone; join()
  // throws the first of them. One that no join() has thrown when the scope dies is written to
  // standard error. Throws std::invalid_argument when `work` is empty.
  void spawn(task<void> work);
  // Destroys whatever still runs, which runs the destructors inside. A task may cancel its own
  // scope: it is then destroyed at its next wait.
  void cancel();
  // Returns when everything spawned has ended, or when the scope has died.
  task<void> join();
  bool empty() const noexcept;

 private:
  struct State;
  static task<void> join_all(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // a join() keeps it, too
};

task<void> sleep_for(std::chrono::nanoseconds duration);

namespace detail {
// Something that run_timed can start; run_timed is true when it finished within `duration`.
struct TimedWork {
  virtual ~TimedWork() = default;
  virtual bool start(std::coroutine_handle<> continuation) = 0;
};
task<bool> run_timed(std::chrono::nanoseconds duration, TimedWork& work);
}  // namespace detail

// The result of `work`, or Errc::timed_out after `duration`, in which case `work` was destroyed.
template <class T>
task<Result<T>> with_timeout(std::chrono::nanoseconds duration, task<Result<T>> work) {
  struct Work final : detail::TimedWork {
    explicit Work(task<Result<T>>& w) : work(w) {}
    bool start(std::coroutine_handle<> continuation) override { return work.start(continuation); }
    task<Result<T>>& work;
  };
  Work timed(work);
  const bool finished = co_await detail::run_timed(duration, timed);
  if (!finished) {
    work = task<Result<T>>();  // nothing may resume it any more
    co_return failure(Errc::timed_out, Side::local);
  }
  co_return work.take();
}

}  // namespace onehop
