// SPDX-License-Identifier: Apache-2.0
//
// offload() runs a function that blocks, such as a query to a database, on another thread, and
// resumes the task on its worker with the result:
//
//   auto finding = onehop::offload([&database, key] { return database.find(key); });
//   std::string row = co_await std::move(finding);
//
// If the task is destroyed while the function runs, for example because the client has left, the
// function runs on. It must therefore own what it uses of that task. It may refer to the handler,
// which is destroyed after it, and to objects that outlive the server's workers.
//
// The process has one pool of at most kMaxOffloadThreads threads for all workers. The threads start
// when they are needed and end with the last worker that has used them. For callback interfaces, or
// for your own threads, see completion.hpp.
#pragma once

#include <onehop/task.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace onehop {

// The maximum number of threads in the pool.
inline constexpr std::size_t kMaxOffloadThreads = 16;
// The maximum number of functions that wait for a thread.
inline constexpr std::size_t kMaxOffloadQueue = 1024;

namespace detail {

// OffloadJob is a function that the pool runs.
class OffloadJob {
 public:
  OffloadJob() = default;
  OffloadJob(const OffloadJob&) = delete;
  OffloadJob& operator=(const OffloadJob&) = delete;
  virtual ~OffloadJob() = default;
  // Runs the function and keeps its result. Thread: one of the pool.
  virtual void run() noexcept = 0;
};

// Completes when `job` has run. Thread: owner.
task<void> run_on_pool(std::shared_ptr<OffloadJob> job);

template <class Function, class T>
class OffloadedFunction final : public OffloadJob {
 public:
  explicit OffloadedFunction(Function function) : function_(std::move(function)) {}
  void run() noexcept override {
    try {
      if constexpr (std::is_void_v<T>) {
        function_();
      } else {
        result_.emplace(function_());
      }
    } catch (...) {
      exception_ = std::current_exception();
    }
  }
  T take() {
    if (exception_) std::rethrow_exception(exception_);
    if constexpr (!std::is_void_v<T>) return std::move(*result_);
  }

 private:
  using Kept = std::conditional_t<std::is_void_v<T>, bool, T>;
  Function function_;
  std::optional<Kept> result_;
  std::exception_ptr exception_;
};

template <class Function, class T>
task<T> await_offloaded(std::shared_ptr<OffloadedFunction<Function, T>> job) {
  auto finished = run_on_pool(job);
  co_await std::move(finished);
  co_return job->take();
}

template <class T>
inline constexpr bool kIsTask = false;
template <class T>
inline constexpr bool kIsTask<task<T>> = true;

}  // namespace detail

// Returns what `function` returns, and rethrows what it throws. Throws std::system_error with
// Errc::overloaded, which a Server turns into a 503, if kMaxOffloadQueue functions already wait.
//
// If the task is destroyed first, a function that has not begun never runs; one that has begun runs
// to its end, and its result is dropped. A worker ends only after the functions that it offloaded,
// so that they may use objects that outlive the Server. Server::stop() waits for them even after
// its deadline, except when one of them calls it: then it only begins the stop. The function is
// destroyed on the worker or on a thread of the pool. It must not touch the request, the response
// or another object of the worker while it runs.
template <class Function>
  requires std::invocable<Function&>
auto offload(Function function) {
  using T = std::invoke_result_t<Function&>;
  static_assert(!std::is_reference_v<T>, "an offloaded function returns a value or void");
  static_assert(!detail::kIsTask<T>, "an offloaded function is a plain function, no coroutine");
  using Job = detail::OffloadedFunction<Function, T>;
  return detail::await_offloaded<Function, T>(std::make_shared<Job>(std::move(function)));
}

}  // namespace onehop
