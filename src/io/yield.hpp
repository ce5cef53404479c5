// SPDX-License-Identifier: Apache-2.0
//
// co_await yield(reactor) lets everything else that is ready run first. It is for loops that could
// hold the thread for long.
#pragma once

#include "io/reactor.hpp"

#include <coroutine>

namespace onehop::io {

class YieldAwaiter {
 public:
  explicit YieldAwaiter(Reactor& reactor) noexcept : reactor_(reactor) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    wakeup_.set_coroutine(handle);
    reactor_.schedule(wakeup_);
  }
  void await_resume() const noexcept {}

 private:
  Reactor& reactor_;
  Wakeup wakeup_;
};

inline YieldAwaiter yield(Reactor& reactor) noexcept {
  return YieldAwaiter(reactor);
}

}  // namespace onehop::io
