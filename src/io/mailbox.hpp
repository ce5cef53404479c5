// SPDX-License-Identifier: Apache-2.0
//
// Mailbox passes functions from any thread to an event loop. Each Reactor has one; other objects
// may keep it after the Reactor is gone. Thread: any, unless stated otherwise.
#pragma once

#include "io/file_descriptor.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <new>
#include <vector>

namespace onehop::io {

class Mailbox {
 public:
  using Work = std::function<void()>;

  // Throws std::system_error if the kernel refuses an eventfd.
  Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Passes `work` to the event loop, and returns true. If the loop has ended, destroys `work` and
  // returns false.
  bool post(Work work);
  // Like post(), but waits if there is no memory, so that destructors may call it.
  template <class Function>
  bool post_or_wait(const Function& function) noexcept {
    for (;;) {
      try {
        return post(Work(function));
      } catch (const std::bad_alloc&) {
        wait_for_memory();
      }
    }
  }

  // Sleeps for 1 ms, for code that needs memory and cannot fail.
  static void wait_for_memory() noexcept;

  bool has_mail() const noexcept { return has_mail_.load(std::memory_order_acquire); }
  // An eventfd to watch edge-triggered: each post() to an empty mailbox writes to it.
  int descriptor() const noexcept { return wake_.get(); }

  // Returns the functions posted since the last call. Thread: owner.
  std::vector<Work> take();
  // Makes later calls of post() return false, and destroys the functions that are left.
  // Thread: owner.
  void close();

 private:
  FileDescriptor wake_;
  std::mutex mutex_;
  std::vector<Work> posted_;  // guarded by mutex_
  bool closed_ = false;       // guarded by mutex_
  std::atomic<bool> has_mail_ = false;
};

}  // namespace onehop::io
