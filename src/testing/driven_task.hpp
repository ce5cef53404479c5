// SPDX-License-Identifier: Apache-2.0
//
// DrivenTask runs the task of a test on an event loop, and reports when the task has ended. If the
// task ends on another thread, the process is aborted.
// Thread: owner.
#pragma once

#include <onehop/task.hpp>
#include <onehop/testing.hpp>

#include "io/reactor.hpp"

#include <coroutine>

namespace onehop::testing {

class DrivenTask {
 public:
  // `reactor` and `work` must outlive this object.
  DrivenTask(io::Reactor& reactor, detail::Work& work) : root_(run(reactor, work)) {}
  DrivenTask(const DrivenTask&) = delete;
  DrivenTask& operator=(const DrivenTask&) = delete;

  // Runs the task to its first wait. Returns true if the task has ended.
  bool start() { return root_.start(); }
  bool has_ended() const noexcept { return root_.done(); }

 private:
  class Awaiter {
   public:
    explicit Awaiter(detail::Work& work) noexcept : work_(work) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> handle) { return !work_.start(handle); }
    void await_resume() const noexcept {}

   private:
    detail::Work& work_;
  };

  static task<void> run(io::Reactor& reactor, detail::Work& work) {
    Awaiter ended(work);
    co_await ended;
    reactor.expect_current();
  }

  task<void> root_;
};

}  // namespace onehop::testing
