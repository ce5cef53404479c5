// SPDX-License-Identifier: Apache-2.0
//
// Signals, as something the main thread waits for. TERM, INT and QUIT ask for the end; HUP, USR1
// and USR2 are given to a function; PIPE is ignored. Make it before any other thread, so that every
// thread inherits the blocked signals. Main thread only.
#pragma once

#include "io/file_descriptor.hpp"

#include <functional>
#include <utility>

namespace onehop::program {

class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // What to do about a signal that does not ask for the end, during wait_for(). Until then such
  // signals wait.
  void on_other(std::function<void(int number)> handle) { other_ = std::move(handle); }

  // Runs `work` on a thread of its own until it returns; each signal meanwhile that asks for the
  // end calls `hurry` here.
  void wait_for(const std::function<void()>& work, const std::function<void()>& hurry);
  // From now on such a signal ends the process, whatever it still waits for.
  void release();

 private:
  // True for a signal that asks for the end, false when `other` became readable.
  bool wait_or_readable(int other);

  std::function<void(int)> other_;
  io::FileDescriptor arrivals_;
};

}  // namespace onehop::program
