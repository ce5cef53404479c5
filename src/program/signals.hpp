// SPDX-License-Identifier: Apache-2.0
//
// Signals that the main thread waits for. TERM, INT and QUIT ask for the end; HUP, USR1 and USR2
// are passed to a function; PIPE and XFSZ are ignored, since a write that fails says so. Construct
// it before any other thread starts, so that every thread inherits the blocked signals.
// Thread: owner.
#pragma once

#include "io/file_descriptor.hpp"

#include <functional>
#include <utility>

namespace onehop::program {

// Blocks HUP, USR1 and USR2, which would end a process that is not ready for them. They wait for
// Signals. Called before any other thread starts.
void hold_other_signals();
// For a command that has no Signals. USR1 stays blocked: it is meant for a service with the same
// name.
void release_other_signals();

class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The function for a signal that does not ask for the end. It is called during wait_for(); until
  // then such signals wait.
  void on_other(std::function<void(int number)> handle) { other_ = std::move(handle); }

  // Runs `work` on another thread until it returns. Each signal meanwhile that asks for the end
  // calls `hurry` on this thread.
  void wait_for(const std::function<void()>& work, const std::function<void()>& hurry);
  // From now on such a signal ends the process immediately.
  void release();

 private:
  // Returns true for a signal that asks for the end, false if `other` became readable.
  bool wait_or_readable(int other);

  std::function<void(int)> other_;
  io::FileDescriptor arrivals_;
};

}  // namespace onehop::program
