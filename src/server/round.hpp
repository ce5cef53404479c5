// SPDX-License-Identifier: Apache-2.0
//
// Round<Value> is a step that several threads take once each, and its result. Each thread holds a
// share until it has taken the step, or has ended and dropped the share. The round is over when the
// last share is destroyed.
// Thread: any.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

namespace onehop::server {

template <class Value>
class Round {
 public:
  class Share {
   public:
    explicit Share(std::shared_ptr<Round> round) noexcept : round_(std::move(round)) {
      round_->add(1);
    }
    Share(const Share& other) noexcept : Share(other.round_) {}
    Share& operator=(const Share&) = delete;
    ~Share() { round_->add(-1); }
    // Calls `change` with the value, while no other thread uses it.
    template <class Change>
    void update(Change change) const {
      const std::lock_guard lock(round_->mutex_);
      change(round_->value_);
    }

   private:
    const std::shared_ptr<Round> round_;
  };

  // Returns the value when the round is over. May be called once.
  Value wait() noexcept {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return shares_ == 0; });
    return std::move(value_);
  }
  // Returns the value when the round is over or after `timeout`, at most 1 h.
  Value wait(std::chrono::nanoseconds timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(1)),
                      [&] { return shares_ == 0; });
    return value_;
  }

 private:
  void add(int change) noexcept {
    const std::lock_guard lock(mutex_);
    shares_ += change;
    if (shares_ == 0) changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  int shares_ = 0;
  Value value_{};
};

}  // namespace onehop::server
