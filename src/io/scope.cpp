// SPDX-License-Identifier: Apache-2.0
#include <onehop/scope.hpp>

#include "base/exception_text.hpp"
#include "io/reactor.hpp"

#include <cstdio>
#include <exception>
#include <list>
#include <stdexcept>
#include <string>
#include <utility>

namespace onehop {
namespace {

class Spawned;

// Graveyard holds tasks that cannot be destroyed yet, because they are running. The event loop
// empties it in its next pass, when no task is running.
class Graveyard final : public io::WorkerLocal {
 public:
  static Graveyard& of(io::Reactor& reactor) {
    return reactor.local<Graveyard>([&] { return std::make_unique<Graveyard>(reactor); });
  }
  explicit Graveyard(io::Reactor& reactor) noexcept : reactor_(reactor) {}
  void bury(std::list<Spawned>& from, std::list<Spawned>::iterator spawned) noexcept;

 private:
  void empty();

  io::Reactor& reactor_;
  std::list<Spawned> tasks_;
  io::Wakeup wakeup_{io::call<&Graveyard::empty>(this)};
};

// Members are the tasks of one scope, and the tasks that wait for them.
struct Members {
  explicit Members(io::Reactor& r) noexcept : reactor(r) {}
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;
  ~Members() {
    if (!failure) return;
    try {
      std::rethrow_exception(std::exchange(failure, nullptr));
    } catch (...) {
      const std::string text = exception_text();
      std::fprintf(stderr, "onehop: a task of a Scope that was not joined has failed: %s\n",
                   text.c_str());
    }
  }

  void wake_joiners_when_empty() noexcept {
    if (!tasks.empty()) return;
    while (io::Wakeup* joiner = joiners.pop_front())
      reactor.schedule(*joiner);
  }

  io::Reactor& reactor;
  std::list<Spawned> tasks;
  IntrusiveList<io::Wakeup> joiners;
  std::exception_ptr failure;  // the first one, until a join() rethrows it
};

class Spawned {
 public:
  Spawned(Members& members, task<void> work)
      : members_(&members), task_(run(*this, std::move(work))) {}
  Spawned(const Spawned&) = delete;
  Spawned& operator=(const Spawned&) = delete;

  void place(std::list<Spawned>::iterator place) noexcept { place_ = place; }

  // Returns true if the task has finished.
  bool start() {
    below_ = static_cast<const Spawned*>(io::running_task);
    io::running_task = this;
    const bool finished = task_.start();
    io::running_task = below_;
    below_ = nullptr;
    return finished;
  }
  // Reports whether its code is on the stack.
  bool is_running() const noexcept {
    const auto* at = static_cast<const Spawned*>(io::running_task);
    while (at && at != this)
      at = at->below_;
    return at != nullptr;
  }
  void forget_members() noexcept { members_ = nullptr; }

 private:
  static task<void> run(Spawned& self, task<void> work) {
    try {
      co_await std::move(work);
    } catch (...) {
      if (self.members_ && !self.members_->failure) {
        self.members_->failure = std::current_exception();
      }
    }
    work = task<void>();  // destroys its parameters now, not in the next pass
    self.on_finished();
  }

  void on_finished() noexcept {
    Members* members = std::exchange(members_, nullptr);
    if (!members) return;  // buried already
    members->reactor.expect_current();
    Graveyard::of(members->reactor).bury(members->tasks, place_);
    members->wake_joiners_when_empty();
  }

  Members* members_;
  std::list<Spawned>::iterator place_;
  const Spawned* below_ = nullptr;  // while it starts: the task that spawned it
  task<void> task_;
};

void Graveyard::bury(std::list<Spawned>& from, std::list<Spawned>::iterator spawned) noexcept {
  tasks_.splice(tasks_.end(), from, spawned);
  reactor_.schedule(wakeup_);
}

void Graveyard::empty() {
  // Destructors may bury more.
  std::list<Spawned> tasks = std::exchange(tasks_, {});
}

class JoinAwaiter {
 public:
  explicit JoinAwaiter(Members& members) noexcept : members_(members) {}
  JoinAwaiter(const JoinAwaiter&) = delete;
  JoinAwaiter& operator=(const JoinAwaiter&) = delete;

  bool await_ready() const noexcept { return members_.tasks.empty(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    members_.reactor.expect_current();
    wakeup_.set_coroutine(handle);
    members_.joiners.push_back(wakeup_);
  }
  void await_resume() const noexcept {}

 private:
  Members& members_;
  io::Wakeup wakeup_;
};

// SleepAwaiter resumes its coroutine after `duration`, in the next pass of the event loop at the
// earliest.
class SleepAwaiter {
 public:
  explicit SleepAwaiter(io::Duration duration) noexcept
      : reactor_(io::Reactor::current()),
        duration_(duration),
        timer_(io::call<&SleepAwaiter::fire>(this)) {}
  SleepAwaiter(const SleepAwaiter&) = delete;
  SleepAwaiter& operator=(const SleepAwaiter&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    wakeup_.set_coroutine(handle);
    if (duration_ <= io::Duration::zero()) {
      reactor_.schedule(wakeup_);
    } else {
      reactor_.timers().arm(timer_, io::deadline_after(reactor_.now(), duration_));
    }
  }
  void await_resume() const noexcept {}

 private:
  void fire() { reactor_.schedule(wakeup_); }

  io::Reactor& reactor_;
  io::Duration duration_;
  io::Timer timer_;
  io::Wakeup wakeup_;
};

// TimedAwaiter starts work, and waits for its end or the deadline, whichever is first.
class TimedAwaiter {
 public:
  TimedAwaiter(io::Duration duration, detail::TimedWork& work) noexcept
      : reactor_(io::Reactor::current()),
        deadline_(io::deadline_after(reactor_.now(), duration)),
        work_(work),
        timer_(io::call<&TimedAwaiter::fire>(this)) {}
  TimedAwaiter(const TimedAwaiter&) = delete;
  TimedAwaiter& operator=(const TimedAwaiter&) = delete;

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    wakeup_.set_coroutine(handle);
    if (work_.start(handle)) return false;
    reactor_.timers().arm(timer_, deadline_);
    return true;
  }
  // The work resumes the coroutine directly; only the timer sets a result.
  bool await_resume() const noexcept { return wakeup_.result() != io::Wait::timed_out; }

 private:
  void fire() {
    wakeup_.set_result(io::Wait::timed_out);
    reactor_.schedule(wakeup_);
  }

  io::Reactor& reactor_;
  io::Time deadline_;
  detail::TimedWork& work_;
  io::Timer timer_;
  io::Wakeup wakeup_;
};

// Destroys all tasks before it returns, except those that are running.
void destroy_tasks(Members& members) {
  std::list<Spawned> doomed = std::exchange(members.tasks, {});
  for (auto it = doomed.begin(); it != doomed.end();) {
    const auto spawned = it++;
    spawned->forget_members();
    if (spawned->is_running()) Graveyard::of(members.reactor).bury(doomed, spawned);
  }
}

}  // namespace

struct Scope::State : Members {
  using Members::Members;
};

Scope::Scope() : state_(std::make_shared<State>(io::Reactor::current())) {}

Scope::~Scope() {
  cancel();
}

void Scope::spawn(task<void> work) {
  if (!work) throw std::invalid_argument("Scope::spawn: the task is empty");
  state_->reactor.expect_current();
  Graveyard::of(state_->reactor);  // made now, so that the end of a task needs no memory
  std::list<Spawned>& tasks = state_->tasks;
  tasks.emplace_back(*state_, std::move(work));
  const auto spawned = std::prev(tasks.end());
  spawned->place(spawned);
  spawned->start();
}

void Scope::cancel() {
  // Outside an event loop, a test may destroy objects after its network has run.
  if (!state_->tasks.empty() && io::Reactor::current_or_null()) state_->reactor.expect_current();
  const std::shared_ptr<State> state = state_;  // a task may own the scope
  destroy_tasks(*state);
  state->wake_joiners_when_empty();
}

task<void> Scope::join() {
  return join_all(state_);
}

task<void> Scope::join_all(std::shared_ptr<State> state) {
  while (!state->tasks.empty()) {
    JoinAwaiter all_ended(*state);
    co_await all_ended;
  }
  if (state->failure) std::rethrow_exception(std::exchange(state->failure, nullptr));
}

bool Scope::empty() const noexcept {
  return state_->tasks.empty();
}

task<void> sleep_for(std::chrono::nanoseconds duration) {
  SleepAwaiter sleep(duration);
  co_await sleep;
}

namespace detail {

task<Result<void>> run_timed(std::chrono::nanoseconds duration, TimedWork& work) {
  if (!io::Reactor::current_or_null()) {
    co_return failure(Errc::bad_option, Side::local, "with_timeout outside an event loop");
  }
  TimedAwaiter finished(duration, work);
  const bool in_time = co_await finished;
  if (in_time) co_return Result<void>();
  co_return failure(Errc::timed_out, Side::local);
}

}  // namespace detail
}  // namespace onehop
