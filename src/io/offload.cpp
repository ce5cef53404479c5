// SPDX-License-Identifier: Apache-2.0
#include <onehop/offload.hpp>

#include <onehop/error.hpp>

#include "base/check.hpp"
#include "io/mailbox.hpp"
#include "io/offloads.hpp"
#include "io/reactor.hpp"
#include "io/thread_pool.hpp"

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace onehop {
namespace {

constinit thread_local const io::Reactor* offloading = nullptr;

// JobCount is the number of jobs that one worker has in the pool. Thread: any.
class JobCount {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void remove() noexcept {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void wait_for_none() noexcept {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;
};

// Offloads is the part of the pool that belongs to a worker. It ends after its last job has run.
class Offloads final : public io::WorkerLocal {
 public:
  static Offloads& of(io::Reactor& reactor) {
    return reactor.local<Offloads>([] { return std::make_unique<Offloads>(); });
  }
  ~Offloads() override { jobs_->wait_for_none(); }

  const std::shared_ptr<io::ThreadPool>& pool() noexcept { return pool_; }
  const std::shared_ptr<JobCount>& jobs() noexcept { return jobs_; }

  // Each job submitted from now on holds the generation until this thread knows that the job has
  // ended.
  using Generation = std::shared_ptr<const void>;
  const Generation& generation() const noexcept { return generation_; }
  // Keeps `object` until all jobs so far have released their generation.
  void keep(const std::shared_ptr<const void>& object) {
    release_unused();
    Generation next = std::make_shared<const char>();
    kept_.emplace_back(generation_, object);
    generation_ = std::move(next);
    release_unused();
  }
  void release_unused() noexcept {
    while (!kept_.empty() && kept_.front().of.expired()) {
      const Kept released = std::move(kept_.front());  // whose destructor may keep another
      kept_.pop_front();
    }
  }

 private:
  struct Kept {
    Kept(const Generation& g, std::shared_ptr<const void> o) noexcept
        : of(g), object(std::move(o)) {}
    std::weak_ptr<const void> of;  // for the first element, no earlier job is left, either
    std::shared_ptr<const void> object;
  };

  std::shared_ptr<io::ThreadPool> pool_ = io::ThreadPool::shared();
  std::shared_ptr<JobCount> jobs_ = std::make_shared<JobCount>();
  Generation generation_ = std::make_shared<const char>();
  std::deque<Kept> kept_;
};

// Ticket is one call of offload(), as a job of the pool.
class Ticket final : public io::ThreadPool::Job, public std::enable_shared_from_this<Ticket> {
 public:
  Ticket(io::Reactor& reactor, std::shared_ptr<detail::OffloadJob> work)
      : reactor_(reactor),
        mailbox_(reactor.mailbox()),
        count_(Offloads::of(reactor).jobs()),
        generation_(Offloads::of(reactor).generation()),
        work_(std::move(work)) {}

  void run() noexcept override {
    offloading = &reactor_;
    work_->run();
    work_.reset();  // if the task is gone, this destroys the function and its result
    offloading = nullptr;
    mailbox_->post_or_wait([self = shared_from_this()] { self->on_finished(); });
    count_->remove();
  }

  // The following functions are called on the owner's thread.
  bool has_finished() const noexcept { return finished_; }
  void set_waiter(io::Wakeup* waiter) noexcept { waiter_ = waiter; }
  void on_submit() {
    count_->add();
    reactor_.begin_outside_work();
  }
  // Called if the pool did not accept the job, or if the job was removed before it ran.
  void on_removed() noexcept {
    reactor_.end_outside_work();
    count_->remove();
    work_.reset();
    generation_.reset();
  }

 private:
  void on_finished() noexcept {
    finished_ = true;
    reactor_.end_outside_work();
    generation_.reset();
    Offloads::of(reactor_).release_unused();
    if (waiter_) reactor_.schedule(*waiter_);
  }

  io::Reactor& reactor_;
  std::shared_ptr<io::Mailbox> mailbox_;
  std::shared_ptr<JobCount> count_;
  Offloads::Generation generation_;
  std::shared_ptr<detail::OffloadJob> work_;
  io::Wakeup* waiter_ = nullptr;
  bool finished_ = false;
};

// OffloadAwaiter submits a job and waits until it has run. Destroying it abandons the job.
class OffloadAwaiter {
 public:
  explicit OffloadAwaiter(std::shared_ptr<detail::OffloadJob> work)
      : reactor_(io::Reactor::current()),
        pool_(Offloads::of(reactor_).pool()),
        ticket_(std::make_shared<Ticket>(reactor_, std::move(work))) {
    submit();
  }
  OffloadAwaiter(const OffloadAwaiter&) = delete;
  OffloadAwaiter& operator=(const OffloadAwaiter&) = delete;
  ~OffloadAwaiter() {
    ticket_->set_waiter(nullptr);
    if (!ticket_->has_finished() && pool_->try_remove(*ticket_)) ticket_->on_removed();
  }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    wakeup_.set_coroutine(handle);
    ticket_->set_waiter(&wakeup_);
  }
  void await_resume() const noexcept { reactor_.expect_current(); }

 private:
  void submit() {
    ticket_->on_submit();
    bool submitted = false;
    try {
      submitted = pool_->try_submit(ticket_);
    } catch (...) {
      ticket_->on_removed();
      throw;
    }
    if (submitted) return;
    ticket_->on_removed();
    throw std::system_error(
        make_error_code(Errc::overloaded),
        "offload: " + std::to_string(kMaxOffloadQueue) + " functions wait for a thread");
  }

  io::Reactor& reactor_;
  std::shared_ptr<io::ThreadPool> pool_;
  std::shared_ptr<Ticket> ticket_;
  io::Wakeup wakeup_;
};

}  // namespace

const io::Reactor* io::offloading_reactor() noexcept {
  return offloading;
}

// If memory is short, it waits for memory and not for the jobs, because a job may wait for this
// thread, as in Server::update().
void io::release_after_offloads(std::shared_ptr<const void> object) noexcept {
  Reactor* const reactor = Reactor::current_or_null();
  if (!reactor) return;
  for (;;) {
    try {
      return Offloads::of(*reactor).keep(object);
    } catch (const std::bad_alloc&) {
      io::Mailbox::wait_for_memory();
    }
  }
}

task<void> detail::run_on_pool(std::shared_ptr<OffloadJob> job) {
  OffloadAwaiter finished(std::move(job));
  co_await finished;
}

}  // namespace onehop
