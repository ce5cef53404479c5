// SPDX-License-Identifier: Apache-2.0
//
// Reactor is the event loop of one thread. It has descriptors (epoll, edge-triggered), timers, and
// the list of wakeups that are ready to run. Events and timers only add to that list. User code
// runs only from the list, so it cannot destroy an object whose event is being handled. post() and
// stop() may be called from any thread.
#pragma once

#include "io/buffer_pool.hpp"
#include "io/endings.hpp"
#include "io/file_descriptor.hpp"
#include "io/mailbox.hpp"
#include "io/pass_times.hpp"
#include "io/timer_wheel.hpp"
#include "io/wakeup.hpp"

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <sys/epoll.h>

namespace onehop::io {

class Reactor;

// The reactor whose run() or Enter is active on this thread, or null. See Reactor::current().
inline constinit thread_local Reactor* current_reactor = nullptr;

// Watcher receives the events of a descriptor. `events` are EPOLL* bits.
class Watcher {
 public:
  Watcher() = default;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  virtual void on_events(std::uint32_t events) noexcept = 0;

 protected:
  ~Watcher() = default;
};

// WorkerLocal is an object that belongs to a thread rather than to a connection, such as a pool.
// The reactor destroys its WorkerLocals with itself, the youngest first. An older one may have
// begun to use a younger one, and its tasks that wait for the younger one are then destroyed after
// the younger one. The awaiters and destructors of such tasks may therefore touch only objects that
// they share (by a shared_ptr) and the reactor's own.
class WorkerLocal {
 public:
  WorkerLocal() = default;
  WorkerLocal(const WorkerLocal&) = delete;
  WorkerLocal& operator=(const WorkerLocal&) = delete;
  virtual ~WorkerLocal() = default;
};

class Reactor {
 public:
  enum class Clock : std::uint8_t {
    system,
    manual,  // tests: starts at one hour, and stands still until set_time()
  };
  explicit Reactor(Clock clock = Clock::system);
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  // Returns the reactor whose run() or Enter is active on this thread; current() ends the process
  // if there is none.
  static Reactor& current() noexcept;
  static Reactor* current_or_null() noexcept { return current_reactor; }
  // Ends the process, with a message that says what to do, unless this reactor is current. Called
  // where a task begins to wait and where user code returns: a task that another thread has resumed
  // would use its worker's objects without a lock, and that cannot be undone.
  void expect_current() const noexcept {
    if (current_reactor != this) [[unlikely]]
      resumed_elsewhere();
  }
  // Makes a reactor current for a scope, for code that runs it step by step.
  class Enter {
   public:
    explicit Enter(Reactor& reactor) noexcept;
    Enter(const Enter&) = delete;
    Enter& operator=(const Enter&) = delete;
    ~Enter();

   private:
    Reactor* before_;
  };

  // Runs until stop().
  void run();
  // Ends run(), in this pass or the next. The reactor may be gone when stop() returns. Thread: any.
  void stop() noexcept;
  // Runs one pass, which waits for at most `longest` if nothing is ready. Reports whether anything
  // was run.
  bool run_once(Duration longest);

  // The number of times that the kernel was asked for events.
  std::uint64_t pass() const noexcept { return pass_; }
  // Empty with Clock::manual. Thread: any.
  const PassTimes& pass_times() const noexcept { return pass_times_; }
  // The time of this pass.
  Time now() const noexcept { return now_; }
  void set_time(Time now);  // Clock::manual only; fires timers
  // Reads the clock again, after work that took long.
  void refresh_time() noexcept;

  // Runs `wakeup` in this pass or the next. A wakeup that is already listed keeps its place.
  void schedule(Wakeup& wakeup) noexcept {
    if (!wakeup.is_linked()) ready_.push_back(wakeup);
  }
  // Runs `wakeup` after everything that is ready in this pass, for code that combines the work of
  // others, such as one write for many responses.
  void schedule_last(Wakeup& wakeup) noexcept {
    if (!wakeup.is_linked()) last_.push_back(wakeup);
  }
  // Runs `work` on the reactor's thread; drops it if the reactor has ended. Destructors and stops
  // call Mailbox::post_or_wait() instead, which does not throw. Thread: any.
  void post(std::function<void()> work) { mailbox_->post(std::move(work)); }
  // Never null. Thread: any.
  const std::shared_ptr<Mailbox>& mailbox() const noexcept { return mailbox_; }

  // Count the work that other threads do for tasks of this reactor; such a thread calls post() when
  // it is done. Code that runs the reactor until nothing is left to do waits for them; see
  // testing::Network.
  void begin_outside_work() noexcept { ++outside_work_; }
  void end_outside_work() noexcept { --outside_work_; }
  bool has_outside_work() const noexcept { return outside_work_ != 0; }
  // The same for results that another thread may or may not deliver.
  void begin_awaiting_result() noexcept { ++awaited_results_; }
  void end_awaiting_result() noexcept { --awaited_results_; }
  bool awaits_result() const noexcept { return awaited_results_ != 0; }

  // Registers `fd` once, edge-triggered. Returns false, with errno set, if the kernel refuses. Call
  // remove() before closing the descriptor: closing does not end the registration while another
  // process has a copy, as every child does between fork and exec.
  bool add(int fd, Watcher& watcher, std::uint32_t events) noexcept;
  // The errno with which the kernel refused the last add(); 0 if it did not.
  int refusal() const noexcept { return refusal_; }
  void modify(int fd, Watcher& watcher, std::uint32_t events) noexcept;
  void remove(int fd) noexcept;

  TimerWheel& timers() noexcept { return timers_; }
  BufferPool& buffers() noexcept { return buffers_; }
  Endings& endings() noexcept { return endings_; }
  // Notifies the Watches of `number` that the object with this number, such as a client's
  // connection, has ended.
  void notify_end(Endings::Number number) noexcept {
    endings_.notify_end(number, [this](Wakeup& wakeup) { schedule(wakeup); });
  }

  // Memory for one step of work, valid until the caller suspends. `scratch` for bodies,
  // `head_scratch` for heads about to be written.
  static constexpr std::size_t kScratchSize = 512 * 1024;
  static constexpr std::size_t kHeadScratchSize = 96 * 1024;
  std::span<char> scratch();
  std::span<char> head_scratch();

  // Returns this thread's T, which `make` makes at first use.
  template <class T, class Make>
  T& local(Make make) {
    return local<T>(nullptr, std::move(make));
  }
  // The same, with one T for each `owner`.
  template <class T, class Make>
  T& local(const void* owner, Make make) {
    const LocalKey key{&kTypeOf<T>, owner};
    RecentLocal& recent = recent_locals_[LocalKeyHash()(key) % kRecentLocals];
    if (key == recent.key) return static_cast<T&>(*recent.local);
    std::unique_ptr<WorkerLocal>& slot = locals_[key];
    if (!slot) {
      std::unique_ptr<WorkerLocal> made = make();
      locals_order_.push_back(key);
      slot = std::move(made);
    }
    recent = {key, slot.get()};
    return static_cast<T&>(*slot);
  }
  // Destroys the T of `owner`, if there is one. It must be called in a Wakeup, and not inside a
  // function of that T.
  template <class T>
  void forget_local(const void* owner) {
    forget_local(LocalKey{&kTypeOf<T>, owner});
  }

 private:
  template <class T>
  static constexpr char kTypeOf = 0;  // its address stands for the type
  struct LocalKey {
    const void* type = nullptr;
    const void* owner = nullptr;
    friend bool operator==(const LocalKey&, const LocalKey&) = default;
  };
  struct LocalKeyHash {
    std::size_t operator()(const LocalKey& key) const noexcept {
      const std::hash<const void*> hash;
      return hash(key.type) + hash(key.owner) / kOwnerAlignment;
    }
    static constexpr std::size_t kOwnerAlignment = 64;  // roughly: owners are far apart
  };
  // A request uses few locals, again and again.
  static constexpr std::size_t kRecentLocals = 8;
  struct RecentLocal {
    LocalKey key;  // null: unused
    WorkerLocal* local = nullptr;
  };
  void forget_local(const LocalKey& key);

  [[noreturn, gnu::cold]] static void resumed_elsewhere() noexcept;
  bool run_pass(Duration longest);
  void run_ready();
  bool run_posted();
  void poll(Duration longest);
  // Called after a wait that returned `events`, which is negative if it failed. Reports whether
  // timers must wait for events that arrived meanwhile. `next` is when the first timer is due.
  bool must_hold_timers(int events, std::optional<Time> next) noexcept;
  void release_memory();

  // ~Reactor destroys the WorkerLocals while all of these members exist.
  FileDescriptor epoll_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  Time now_;
  TimerWheel timers_;
  BufferPool buffers_;
  Endings endings_;
  IntrusiveList<Wakeup> ready_;
  IntrusiveList<Wakeup> last_;
  std::vector<epoll_event> events_;
  std::unique_ptr<char[]> scratch_;
  std::unique_ptr<char[]> head_scratch_;
  std::unordered_map<LocalKey, std::unique_ptr<WorkerLocal>, LocalKeyHash> locals_;
  std::vector<LocalKey> locals_order_;
  std::array<RecentLocal, kRecentLocals> recent_locals_{};
  std::uint64_t pass_ = 0;
  PassTimes pass_times_;
  int refusal_ = 0;
  bool timers_held_ = false;  // in this pass
  unsigned held_passes_ = 0;
  Time next_release_{};  // of memory to the system
  bool has_more_to_release_ = false;

  std::size_t outside_work_ = 0;
  std::size_t awaited_results_ = 0;
  bool stopping_ = false;
  Clock clock_;
};

}  // namespace onehop::io
