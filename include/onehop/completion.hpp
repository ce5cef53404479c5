// SPDX-License-Identifier: Apache-2.0
//
// Completion lets a task wait for one result that another thread delivers, such as the callback of
// a database client:
//
//   onehop::Completion<std::string> row;
//   client.query(sql, [to = row.completer()](std::string text) { to.complete(std::move(text)); });
//   onehop::Result<std::string> found = co_await row.wait();
//
// For a timeout, await with_timeout(duration, row.wait()). For a function that blocks, see
// offload.hpp.
#pragma once

#include <onehop/error.hpp>
#include <onehop/task.hpp>

#include <atomic>
#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace onehop {

namespace io {
class Mailbox;  // internal
class Reactor;  // internal
}  // namespace io

namespace detail {

// CompletionSignal is the part of a Completion that does not depend on its type. It belongs to a
// worker.
class CompletionSignal {
 public:
  CompletionSignal();
  CompletionSignal(const CompletionSignal&) = delete;
  CompletionSignal& operator=(const CompletionSignal&) = delete;
  virtual ~CompletionSignal();

  // Returns true to the first caller only. Thread: any.
  bool claim() noexcept { return !claimed_.exchange(true, std::memory_order_acq_rel); }
  // Completes wait(). Called once, after claim(). Thread: any.
  static void raise(const std::shared_ptr<CompletionSignal>& signal) noexcept;
  // Completes after raise(). Thread: owner.
  static task<void> wait(std::shared_ptr<CompletionSignal> signal);

 private:
  class Awaiter;
  io::Reactor& reactor_;  // may be gone while another thread holds this object
  const std::shared_ptr<io::Mailbox> mailbox_;
  std::atomic<bool> claimed_ = false;
  Awaiter* waiter_ = nullptr;
  bool raised_ = false;
};

template <class T>
struct CompletionState final : CompletionSignal {
  std::optional<Result<T>> result;
};

// LastCompleter is shared by the copies of a Completer. When the last copy is destroyed without a
// result, it delivers an error.
template <class T>
class LastCompleter {
 public:
  explicit LastCompleter(std::shared_ptr<CompletionState<T>> state) : state_(std::move(state)) {}
  LastCompleter(const LastCompleter&) = delete;
  LastCompleter& operator=(const LastCompleter&) = delete;
  ~LastCompleter() {
    static constexpr const char* kWhy = "every Completer was destroyed without a result";
    settle([] { return Result<T>(failure(Errc::cancelled, Side::local, kWhy)); });
  }
  template <class Make>
  bool settle(Make make) const {
    if (!state_->claim()) return false;
    try {
      state_->result.emplace(make());
    } catch (...) {  // thrown by T's constructor; the waiting task must not wait for ever
      state_->result.emplace(failure(Errc::cancelled, Side::local));
      CompletionSignal::raise(state_);
      throw;
    }
    CompletionSignal::raise(state_);
    return true;
  }

 private:
  std::shared_ptr<CompletionState<T>> state_;
};

}  // namespace detail

// Completer delivers the result of a Completion. All copies deliver the same one. Thread: any.
template <class T>
class Completer {
 public:
  // Delivers T(args...). If there is a result already, it drops the new one and returns false. If
  // no task waits for the result any more, or the worker has ended, the result is dropped too.
  template <class... Args>
    requires std::constructible_from<Result<T>, std::in_place_t, Args...>
  bool complete(Args&&... args) const {
    return last_->settle([&] { return Result<T>(std::in_place, std::forward<Args>(args)...); });
  }
  // Delivers an error instead of a value.
  bool fail(Error error) const {
    return last_->settle([&] { return Result<T>(failure(std::move(error))); });
  }

 private:
  template <class U>
  friend class Completion;
  explicit Completer(std::shared_ptr<detail::LastCompleter<T>> last) noexcept
      : last_(std::move(last)) {}

  std::shared_ptr<detail::LastCompleter<T>> last_;
};

// Thread: owner.
template <class T>
class Completion {
 public:
  Completion() : state_(std::make_shared<detail::CompletionState<T>>()) {}
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;
  ~Completion() = default;

  // Returns a Completer, with which another thread delivers the result.
  Completer<T> completer() {
    auto last = last_.lock();
    if (!last) last_ = last = std::make_shared<detail::LastCompleter<T>>(state_);
    return Completer<T>(std::move(last));
  }
  // Returns the result, or Errc::cancelled if every Completer was destroyed without delivering one.
  // It must be awaited only once. The Completion may be destroyed while the task waits.
  task<Result<T>> wait() { return take(state_); }

 private:
  static task<Result<T>> take(std::shared_ptr<detail::CompletionState<T>> state) {
    auto raised = detail::CompletionSignal::wait(state);
    co_await std::move(raised);
    co_return std::move(*state->result);
  }

  std::shared_ptr<detail::CompletionState<T>> state_;
  std::weak_ptr<detail::LastCompleter<T>> last_;
};

}  // namespace onehop
