// SPDX-License-Identifier: Apache-2.0
//
// Event lets tasks of one worker wait for each other. It is either set or not; wait() completes
// while it is set. It belongs to the worker that made it. Other threads reach it through
// WorkerRef::post(); a direct call from another thread ends the process. Thread: owner.
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

  // Sets the event: every wait in progress completes, and so does each later one until reset().
  void set();
  // Clears the event: later waits wait again. Waits that set() has completed are not affected.
  void reset();
  // Reports whether the event is set.
  bool is_set() const noexcept;

  // Completes once the event is set. Any number of tasks may wait. If the event is destroyed first,
  // the wait never completes.
  task<void> wait();
  // Waits for at most `duration`. Returns true if the event was set.
  task<bool> wait_for(std::chrono::nanoseconds duration);

 private:
  struct State;
  class Awaiter;
  static task<void> wait_until_set(std::shared_ptr<State> state);
  static task<bool> wait_until_set(std::shared_ptr<State> state, std::chrono::nanoseconds duration);
  std::shared_ptr<State> state_;  // shared with the waits in progress
};

}  // namespace onehop
