// SPDX-License-Identifier: Apache-2.0
//
// Signals are received by the main thread. TERM, INT and QUIT ask the process to end; HUP, USR1 and
// USR2 are passed to a function; PIPE and XFSZ are ignored, because the failed write returns an
// error. Construct it before any other thread starts, so that every thread inherits the blocked
// signals.
// Thread: owner.
#pragma once

#include "io/file_descriptor.hpp"

#include <functional>
#include <future>
#include <thread>
#include <utility>

namespace onehop::program {

// Blocks HUP, USR1 and USR2 until Signals receives them, because they would end a process that does
// not handle them yet. Must be called before any other thread starts.
void hold_other_signals();
// Unblocks HUP and USR2 for a command that does not use Signals. USR1 stays blocked, because it is
// meant for the service, whose process has the same name.
void release_other_signals();

class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  // Sets the function for signals that do not ask the process to end. wait_for() calls it; signals
  // that arrive earlier wait.
  void on_other(std::function<void(int number)> handle) { other_ = std::move(handle); }

  // Creates what wait_for() needs and the system could refuse. Throws std::system_error.
  void prepare();
  // Calls prepare() unless it was called before. Runs `work` on another thread until it returns.
  // Calls `hurry` on this thread for each signal that asks the process to end.
  void wait_for(const std::function<void()>& work, const std::function<void()>& hurry);
  // Lets TERM, INT and QUIT end the process immediately.
  void release();

 private:
  // Returns true for a signal that asks the process to end, false if `other` is readable.
  bool wait_or_readable(int other);

  std::function<void(int)> other_;
  io::FileDescriptor arrivals_;
  io::FileDescriptor done_;  // readable when the work has ended
  std::promise<std::function<void()>> work_;
  std::jthread worker_;  // last, because it uses the other members
};

}  // namespace onehop::program
