// SPDX-License-Identifier: Apache-2.0
#include "program/reload_queue.hpp"

#include <pthread.h>

namespace onehop::program {

ReloadQueue::Result ReloadQueue::refusal(const std::string& why) const {
  return {.done = false, .summary = "no " + what_ + ": " + why};
}

ReloadQueue::ReloadQueue(Reload reload, OnRefused on_refused, std::string what)
    : reload_(std::move(reload)), on_refused_(std::move(on_refused)), what_(std::move(what)) {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), ("onehop/" + what_).c_str());
    run();
  });
}

std::shared_future<ReloadQueue::Result> ReloadQueue::request(const std::string& trigger) {
  std::unique_lock lock(mutex_);
  if (closed_because_) {
    Batch batch(trigger);
    const Result refused = refusal(*closed_because_);
    lock.unlock();
    settle_refused(batch, refused);
    return batch.result;
  }
  if (!waiting_) {
    waiting_.emplace(trigger);
    changed_.notify_one();
  } else if (!waiting_->triggers.contains(trigger)) {
    waiting_->triggers += ", " + trigger;
  }
  return waiting_->result;
}

void ReloadQueue::settle_refused(Batch& batch, const Result& refused) {
  if (on_refused_) on_refused_(batch.triggers, refused);
  batch.promise.set_value(refused);
}

void ReloadQueue::refuse(const std::string& why) {
  std::unique_lock lock(mutex_);
  if (!closed_because_) closed_because_ = why;
  const Result refused = refusal(*closed_because_);
  std::optional<Batch> waited = std::exchange(waiting_, std::nullopt);
  changed_.notify_one();
  lock.unlock();
  if (waited) settle_refused(*waited, refused);
}

void ReloadQueue::close(const std::string& why) {
  refuse(why);
  const std::lock_guard lock(join_mutex_);
  if (thread_.joinable()) thread_.join();
}

void ReloadQueue::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return waiting_ || closed_because_; });
    if (!waiting_) return;
    Batch batch = std::move(*waiting_);
    waiting_.reset();
    lock.unlock();
    batch.promise.set_value(reload_(batch.triggers));
    lock.lock();
  }
}

}  // namespace onehop::program
