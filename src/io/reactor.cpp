// SPDX-License-Identifier: Apache-2.0
#include "io/reactor.hpp"

#include "base/block_pool.hpp"
#include "base/check.hpp"
#include "base/memory_release.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace onehop::io {
namespace {

constexpr std::size_t kEventsPerPass = 256;
// The same in every run, so that the ticks of timers are the same, too.
constexpr Time kManualStart{std::chrono::hours(1)};
constexpr Duration kReleaseEvery = std::chrono::seconds(1);
// A timer this late means that the process did not run when it was due: it was stopped, its
// container frozen, or one step of work took long.
constexpr Duration kLate = std::chrono::milliseconds(50);
// The maximum number of passes for which late timers are held while events arrive: enough for a
// request to go through every part that handles it.
constexpr unsigned kMaxHeldPasses = 64;

FileDescriptor checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::system_category(), what);
  return FileDescriptor(fd);
}

}  // namespace

Reactor::Reactor(Clock clock)
    : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      now_(clock == Clock::manual ? kManualStart : std::chrono::steady_clock::now()),
      timers_(now_),
      events_(kEventsPerPass),
      clock_(clock) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, mailbox_->descriptor(), &event) != 0) {
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
  }
}

Reactor::~Reactor() {
  Enter enter(*this);
  mailbox_->close();
  // The youngest first, because it may use those made before it.
  while (!locals_order_.empty()) {
    const LocalKey key = locals_order_.back();
    recent_locals_ = {};
    locals_order_.pop_back();
    const auto local = locals_.extract(key);  // its destructor may make another local
  }
}

void Reactor::forget_local(const LocalKey& key) {
  std::erase(locals_order_, key);
  recent_locals_ = {};
  const auto local = locals_.extract(key);
}

Reactor& Reactor::current() noexcept {
  if (!current_reactor) resumed_elsewhere();
  return *current_reactor;
}

void Reactor::resumed_elsewhere() noexcept {
  std::fputs(
      "onehop: a task runs on a thread that is not its worker's. Tasks, bodies, scopes and events\n"
      "belong to the worker that started them. For a function that blocks, co_await\n"
      "onehop::offload(function). For a result that another thread delivers, co_await an\n"
      "onehop::Completion. To set an onehop::Event, or to do anything else on the worker, from\n"
      "another thread, pass a function to onehop::WorkerRef::post().\n",
      stderr);
  std::abort();
}

Reactor::Enter::Enter(Reactor& reactor) noexcept : before_(current_reactor) {
  current_reactor = &reactor;
}

Reactor::Enter::~Enter() {
  current_reactor = before_;
}

void Reactor::run() {
  Enter enter(*this);
  while (!stopping_)
    run_pass(Duration::max());
}

void Reactor::stop() noexcept {
  // The reactor may be destroyed before post() returns, because run() ends when it has run this
  // function.
  const std::shared_ptr<Mailbox> mailbox = mailbox_;
  mailbox->post_or_wait([this] { stopping_ = true; });
}

bool Reactor::run_once(Duration longest) {
  Enter enter(*this);
  return run_pass(longest);
}

bool Reactor::run_pass(Duration longest) {
  poll(ready_.empty() && last_.empty() ? longest : Duration::zero());
  if (clock_ == Clock::system && !timers_held_) timers_.advance(now_);
  const bool posted = run_posted();
  const bool worked = posted || !ready_.empty() || !last_.empty();
  run_ready();
  return worked;
}

// Called before a wait. It schedules a further call while there is more memory to return, and when
// work has just begun after a pause. Otherwise a thread that becomes idle would keep the memory
// that its last second of work returned.
void Reactor::release_memory() {
  const bool was_idle = now_ - next_release_ >= kReleaseEvery;
  next_release_ = now_ + kReleaseEvery;
  const bool has_blocks = shrink_block_pool();
  has_more_to_release_ = release_returned_memory() || has_blocks || was_idle;
}

void Reactor::poll(Duration longest) {
  const bool is_due = longest != Duration::zero() && now_ >= next_release_;
  if (is_due || is_release_urgent()) release_memory();
  Duration wait = longest;
  std::optional<Time> next;
  if (clock_ == Clock::system) {
    next = timers_.next();
    if (next) wait = std::min(wait, std::max(*next - now_, Duration::zero()));
    if (has_more_to_release_)
      wait = std::min(wait, std::max(next_release_ - now_, Duration::zero()));
  }
  if (mailbox_->has_mail()) wait = Duration::zero();
  int timeout = -1;
  if (wait != Duration::max()) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    timeout = static_cast<int>(std::min<std::int64_t>(ms, 60'000));
  }
  pass_times_.end();  // no pass has begun with Clock::manual
  const int count =
      ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout);
  ++pass_;
  if (clock_ == Clock::system) {
    now_ = std::chrono::steady_clock::now();
    pass_times_.begin(now_);
    timers_held_ = must_hold_timers(count, next);
  }
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (auto* watcher = static_cast<Watcher*>(event.data.ptr)) watcher->on_events(event.events);
  }
}

// If the process was stopped, the kernel may have been asked before the stop and the clock read
// after it, and one wait returns only some of the events. Late timers are therefore held until a
// wait that began after the stop finds no more events.
bool Reactor::must_hold_timers(int events, std::optional<Time> next) noexcept {
  if (events < 0) return true;  // a signal ended the wait: the next one returns the events
  if (!next || now_ - *next < kLate) {
    held_passes_ = 0;
    return false;
  }
  const bool is_quiet = events == 0 && ready_.empty() && last_.empty() && !mailbox_->has_mail();
  if ((is_quiet && held_passes_ > 0) || held_passes_ >= kMaxHeldPasses) {
    held_passes_ = 0;
    return false;
  }
  ++held_passes_;
  return true;
}

// Anything that becomes ready meanwhile waits for the next pass, so that events are not starved.
void Reactor::run_ready() {
  IntrusiveList<Wakeup> batch;
  batch.splice_back(ready_);
  while (Wakeup* wakeup = batch.pop_front())
    wakeup->run();
  batch.splice_back(last_);
  while (Wakeup* wakeup = batch.pop_front())
    wakeup->run();
}

// Reports whether there was anything to run.
bool Reactor::run_posted() {
  if (!mailbox_->has_mail()) return false;
  for (auto& work : mailbox_->take())
    work();
  return true;
}

void Reactor::set_time(Time now) {
  ONEHOP_CHECK(clock_ == Clock::manual);
  Enter enter(*this);
  now_ = std::max(now_, now);
  timers_.advance(now_);
}

void Reactor::refresh_time() noexcept {
  if (clock_ == Clock::system) now_ = std::chrono::steady_clock::now();
}

bool Reactor::add(int fd, Watcher& watcher, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  refusal_ = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
  return refusal_ == 0;
}

void Reactor::modify(int fd, Watcher& watcher, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Reactor::remove(int fd) noexcept {
  epoll_event event{};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &event);
}

std::span<char> Reactor::scratch() {
  if (!scratch_) scratch_ = std::make_unique_for_overwrite<char[]>(kScratchSize);
  return {scratch_.get(), kScratchSize};
}

std::span<char> Reactor::head_scratch() {
  if (!head_scratch_) head_scratch_ = std::make_unique_for_overwrite<char[]>(kHeadScratchSize);
  return {head_scratch_.get(), kHeadScratchSize};
}

}  // namespace onehop::io
