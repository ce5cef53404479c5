// SPDX-License-Identifier: Apache-2.0
//
// io::Event wakes the one coroutine that waits for it. Waking resets the event. If set() was called
// before the wait, however often, one wait completes at once. A deadline may end the wait. The
// event must outlive the wait. For several waiters, use the public onehop::Event. Thread: owner.
#pragma once

#include "base/check.hpp"
#include "io/reactor.hpp"

#include <coroutine>

namespace onehop::io {

class Event {
 public:
  explicit Event(Reactor& reactor) noexcept : reactor_(reactor) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void set() noexcept {
    set_ = true;
    if (waiter_) reactor_.schedule(*waiter_);
  }
  bool is_set() const noexcept { return set_; }

  class Awaiter {
   public:
    Awaiter(Event& event, Time deadline) noexcept
        : event_(event), timer_(io::call<&Awaiter::on_timer>(this)), deadline_(deadline) {}
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    ~Awaiter() {
      if (event_.waiter_ == &wakeup_) event_.waiter_ = nullptr;
    }
    bool await_ready() const noexcept { return event_.set_; }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      event_.reactor_.expect_current();
      // A second waiter is a bug: the first continues as if its deadline had passed.
      ONEHOP_DCHECK(event_.waiter_ == nullptr);
      if (event_.waiter_) event_.reactor_.schedule(*event_.waiter_);
      wakeup_.set_coroutine(handle);
      event_.waiter_ = &wakeup_;
      if (deadline_ != kNever) event_.reactor_.timers().arm(timer_, deadline_);
    }
    // Returns true if the event was set, false if the deadline has passed.
    bool await_resume() noexcept {
      if (event_.waiter_ == &wakeup_) event_.waiter_ = nullptr;
      const bool set = event_.set_;
      event_.set_ = false;
      return set;
    }

   private:
    void on_timer() { event_.reactor_.schedule(wakeup_); }

    Event& event_;
    Wakeup wakeup_;
    Timer timer_;
    Time deadline_;
  };
  Awaiter wait(Time deadline = kNever) noexcept { return Awaiter(*this, deadline); }

 private:
  Reactor& reactor_;
  Wakeup* waiter_ = nullptr;
  bool set_ = false;
};

}  // namespace onehop::io
