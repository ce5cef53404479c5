// SPDX-License-Identifier: Apache-2.0
//
// ThreadPool runs jobs that may block. It has a few threads, which start when they are needed, and
// a queue of limited length. Thread: any.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace onehop::io {

class ThreadPool {
 public:
  class Job {
   public:
    Job() = default;
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    virtual ~Job() = default;
    virtual void run() noexcept = 0;
  };

  ThreadPool(std::size_t max_threads, std::size_t max_queue) noexcept
      : max_threads_(max_threads), max_queue_(max_queue) {}
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  // Drops the jobs that have not begun, and waits for the others.
  ~ThreadPool();

  // Returns the pool of the process, which ends with the last reference to it.
  static std::shared_ptr<ThreadPool> shared();

  // Returns false, and does not take the job, if the queue is full. Throws std::system_error if
  // there is no thread and the system refuses one.
  bool try_submit(std::shared_ptr<Job> job);
  // Removes a job that has not begun. Returns false if it has.
  bool try_remove(const Job& job) noexcept;

 private:
  void start_thread();
  void run() noexcept;

  const std::size_t max_threads_;
  const std::size_t max_queue_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<std::shared_ptr<Job>> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;  // threads that wait for a job
  bool is_ending_ = false;
};

}  // namespace onehop::io
