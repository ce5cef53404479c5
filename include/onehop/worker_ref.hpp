// SPDX-License-Identifier: Apache-2.0
//
// WorkerRef refers to a worker: the thread, with its event loop, that runs a task. Tasks, bodies,
// scopes and events belong to one worker, and no other thread may touch them. Other threads reach
// them through post(). offload.hpp and completion.hpp are built on it.
#pragma once

#include <onehop/detail/compiler.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace onehop {

namespace io {
class Mailbox;  // internal
}

// WorkerRef is a value; copies refer to the same worker. Thread: any.
class WorkerRef {
 public:
  WorkerRef() noexcept = default;  // refers to no worker

  // Makes the worker run `work` once, and returns true. If the worker has ended, destroys `work`
  // and returns false. If the worker ends before `work` has run, `work` is destroyed. An exception
  // that leaves `work` is written to standard error. Throws std::invalid_argument if `work` is
  // empty.
  bool post(std::function<void()> work) const;
  // Reports whether this is the calling thread's worker.
  bool is_current() const noexcept;

 private:
  friend WorkerRef current_worker();
  explicit WorkerRef(std::shared_ptr<io::Mailbox> mailbox) noexcept
      : mailbox_(std::move(mailbox)) {}

  std::shared_ptr<io::Mailbox> mailbox_;
};

// Returns the worker on which the caller runs: the request's worker in a handler, round tripper or
// hook, or the event loop of testing::run. On any other thread it ends the process.
WorkerRef current_worker();

}  // namespace onehop
