// SPDX-License-Identifier: Apache-2.0
#include "io/thread_pool.hpp"

#include <onehop/offload.hpp>

#include <algorithm>
#include <csignal>
#include <system_error>
#include <utility>

#include <pthread.h>

namespace onehop::io {
namespace {

// Blocks every signal for a scope, so that a thread started in it handles none.
class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

std::shared_ptr<ThreadPool> ThreadPool::shared() {
  struct Shared {
    std::mutex mutex;
    std::weak_ptr<ThreadPool> pool;
  };
  // Never destroyed: a worker may outlive main().
  static Shared& shared = *new Shared;
  const std::lock_guard lock(shared.mutex);
  auto pool = shared.pool.lock();
  if (!pool) {
    pool = std::make_shared<ThreadPool>(kMaxOffloadThreads, kMaxOffloadQueue);
    shared.pool = pool;
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  std::deque<std::shared_ptr<Job>> dropped;
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    dropped.swap(queue_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
}

bool ThreadPool::try_submit(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= max_queue_) return false;
    queue_.push_back(std::move(job));
    if (queue_.size() > idle_ && threads_.size() < max_threads_) start_thread();
  }
  changed_.notify_one();
  return true;
}

bool ThreadPool::try_remove(const Job& job) noexcept {
  std::shared_ptr<Job> removed;  // destroyed after the mutex is unlocked
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(queue_, &job, &std::shared_ptr<Job>::get);
  if (found == queue_.end()) return false;
  removed = std::move(*found);
  queue_.erase(found);
  return true;
}

// Called with the mutex held. If no thread can be started, the job waits for one of the others, if
// there are any.
void ThreadPool::start_thread() {
  const BlockedSignals blocked;
  try {
    threads_.emplace_back([this] {
      ::pthread_setname_np(::pthread_self(), "onehop/offload");
      run();
    });
  } catch (const std::exception&) {
    if (!threads_.empty()) return;
    queue_.pop_back();
    throw;
  }
}

void ThreadPool::run() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return is_ending_ || !queue_.empty(); });
    --idle_;
    if (is_ending_) return;
    std::shared_ptr<Job> job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job->run();
    job.reset();
    lock.lock();
  }
}

}  // namespace onehop::io
