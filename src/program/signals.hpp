// SPDX-License-Identifier: Apache-2.0
//
// Signals: TERM and INT as something the main thread waits for; PIPE is ignored. Make it before any
// other thread, so that every thread inherits the blocked signals. Main thread only.
#pragma once

#include "io/file_descriptor.hpp"

#include <functional>
#include <thread>

namespace onehop::program {

class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Returns at the next TERM or INT.
  void wait();
  // Runs `work` on a thread of its own until it returns; every signal meanwhile calls `hurry` here.
  void wait_for(const std::function<void()>& work, const std::function<void()>& hurry);
  // From now on a signal ends the process, whatever it still waits for.
  void release();

 private:
  // True for a signal, false when `other` became readable.
  bool wait_or_readable(int other);

  io::FileDescriptor arrivals_;
};

}  // namespace onehop::program
