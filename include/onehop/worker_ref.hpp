// SPDX-License-Identifier: Apache-2.0
//
// WorkerRef refers to a worker: the thread, with its event loop, that runs a task. Tasks, bodies,
// scopes and events belong to one worker, and no other thread may touch them. post() is how other
// threads reach them. See offload.hpp and completion.hpp for what is built on it.
#pragma once

#include <onehop/detail/compiler.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace onehop {

namespace io {
class Mailbox;  // internal
}

// A value; copies refer to the same worker. Thread: any.
class WorkerRef {
 public:
  WorkerRef() noexcept = default;  // refers to none

  // Runs `work` on the worker, soon and once. If the worker has ended, it destroys `work` and
  // returns false; so it does later if the worker ends before `work` has run. An exception that
  // leaves `work` is written to standard error. Throws std::invalid_argument if `work` is empty.
  bool post(std::function<void()> work) const;
  // Reports whether this is the calling thread's worker.
  bool is_current() const noexcept;

 private:
  friend WorkerRef current_worker();
  explicit WorkerRef(std::shared_ptr<io::Mailbox> mailbox) noexcept
      : mailbox_(std::move(mailbox)) {}

  std::shared_ptr<io::Mailbox> mailbox_;
};

// Returns the worker that the caller runs on: that of the request in a handler, round tripper or
// hook; the event loop in testing::run. On any other thread it ends the process.
WorkerRef current_worker();

}  // namespace onehop
