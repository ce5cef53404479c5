// SPDX-License-Identifier: Apache-2.0
//
// run_task(reactor, task) runs an event loop until the task has ended, and returns its result. It
// aborts the test if the task does not end within 60 s. For tests with real descriptors or
// Clock::system.
#pragma once

#include <onehop/task.hpp>

#include "base/check.hpp"
#include "io/reactor.hpp"

#include <chrono>
#include <utility>

namespace onehop {

template <class T>
T run_task(io::Reactor& reactor, task<T> work) {
  const io::Reactor::Enter enter(reactor);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  reactor.refresh_time();
  work.start();
  while (!work.done()) {
    ONEHOP_CHECK(std::chrono::steady_clock::now() < give_up);
    reactor.run_once(std::chrono::milliseconds(100));
  }
  return work.take();
}

}  // namespace onehop
