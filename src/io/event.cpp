// SPDX-License-Identifier: Apache-2.0
#include <onehop/event.hpp>

#include "io/reactor.hpp"

#include <coroutine>
#include <utility>

namespace onehop {

struct Event::State {
  explicit State(io::Reactor& r) noexcept : reactor(r) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() = default;

  io::Reactor& reactor;
  IntrusiveList<io::Wakeup> waiters;
  bool is_set = false;
};

class Event::Awaiter {
 public:
  Awaiter(State& state, io::Duration duration) noexcept
      : state_(state), timer_(io::call<&Awaiter::on_timer>(this)), duration_(duration) {}
  Awaiter(const Awaiter&) = delete;
  Awaiter& operator=(const Awaiter&) = delete;

  bool await_ready() const noexcept { return state_.is_set; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    wakeup_.set_coroutine(handle);
    wakeup_.set_result(io::Wait::timed_out);  // set() changes it
    state_.waiters.push_back(wakeup_);
    io::Reactor& reactor = state_.reactor;
    reactor.timers().arm(timer_, io::deadline_after(reactor.now(), duration_));
  }
  bool await_resume() const noexcept { return wakeup_.result() != io::Wait::timed_out; }

 private:
  void on_timer() {
    if (wakeup_.result() == io::Wait::ready) return;  // it is scheduled already
    wakeup_.unlink();
    state_.reactor.schedule(wakeup_);
  }

  State& state_;
  io::Wakeup wakeup_;
  io::Timer timer_;
  io::Duration duration_;
};

Event::Event() : state_(std::make_shared<State>(io::Reactor::current())) {}
Event::~Event() = default;

void Event::set() {
  state_->reactor.expect_current();
  state_->is_set = true;
  while (io::Wakeup* waiter = state_->waiters.pop_front()) {
    waiter->set_result(io::Wait::ready);
    state_->reactor.schedule(*waiter);
  }
}

void Event::reset() {
  state_->reactor.expect_current();
  state_->is_set = false;
}

bool Event::is_set() const noexcept {
  return state_->is_set;
}

task<void> Event::wait() {
  return wait_until_set(state_);
}

task<bool> Event::wait_for(std::chrono::nanoseconds duration) {
  return wait_until_set(state_, duration);
}

task<void> Event::wait_until_set(std::shared_ptr<State> state) {
  auto waiting = wait_until_set(std::move(state), io::Duration::max());
  co_await std::move(waiting);
}

task<bool> Event::wait_until_set(std::shared_ptr<State> state, std::chrono::nanoseconds duration) {
  state->reactor.expect_current();
  Awaiter set(*state, duration);
  const bool was_set = co_await set;
  state->reactor.expect_current();
  co_return was_set;
}

}  // namespace onehop
