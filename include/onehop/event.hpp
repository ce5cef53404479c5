// SPDX-License-Identifier: Apache-2.0
//
// Event lets tasks of one worker wait for each other. It is set or not; wait() completes while it
// is set. It belongs to the worker that made it: another thread reaches it through
// WorkerRef::post(), and anything else ends the process. Thread: owner.
#pragma once

#include <onehop/task.hpp>

#include <chrono>
#include <memory>

namespace onehop {

class Event {
 public:
  Event();  // not set
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event();

  // Every wait in progress completes, and so does each later one until reset().
  void set();
  // Later waits wait again; those that set() has completed go on.
  void reset();
  // Reports whether set() was called, and not reset() since.
  bool is_set() const noexcept;

  // Completes once the event is set. Any number of tasks may wait. If the event is destroyed first,
  // it never completes.
  task<void> wait();
  // The same, for at most `duration`. Reports whether the event was set.
  task<bool> wait_for(std::chrono::nanoseconds duration);

 private:
  struct State;
  class Awaiter;
  static task<void> wait_until_set(std::shared_ptr<State> state);
  static task<bool> wait_until_set(std::shared_ptr<State> state, std::chrono::nanoseconds duration);
  std::shared_ptr<State> state_;  // a wait keeps it, too
};

}  // namespace onehop
