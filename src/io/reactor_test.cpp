// SPDX-License-Identifier: Apache-2.0
#include "io/reactor.hpp"

#include "base/block_pool.hpp"
#include "base/memory_checker.hpp"
#include "support/failing_allocation.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <malloc.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace onehop::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A wakeup that logs its name.
class Named {
 public:
  Named(std::vector<std::string>& log, std::string name) : log_(log), name_(std::move(name)) {}
  Wakeup& wakeup() { return wakeup_; }

 private:
  std::vector<std::string>& log_;
  std::string name_;
  Wakeup wakeup_{[](void* self) {
                   auto& named = *static_cast<Named*>(self);
                   named.log_.push_back(named.name_);
                 },
                 this};
};

class Counter final : public Watcher {
 public:
  void on_events(std::uint32_t events) noexcept override {
    ++calls;
    last = events;
  }
  int calls = 0;
  std::uint32_t last = 0;
};

FileDescriptor make_event() {
  return FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void signal(const FileDescriptor& event) {
  const std::uint64_t one = 1;
  ASSERT_EQ(::write(event.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
}

TEST(Reactor, RunsScheduledWakeupsOnceAndInOrder) {
  Reactor reactor(Reactor::Clock::manual);
  std::vector<std::string> log;
  Named first(log, "first");
  Named second(log, "second");
  reactor.schedule(first.wakeup());
  reactor.schedule(second.wakeup());
  reactor.schedule(first.wakeup());
  EXPECT_TRUE(reactor.run_once(Duration::zero()));
  EXPECT_THAT(log, ElementsAre("first", "second"));
  EXPECT_FALSE(reactor.run_once(Duration::zero()));
  EXPECT_THAT(log, ElementsAre("first", "second"));
}

TEST(Reactor, DoesNotRunADestroyedWakeup) {
  Reactor reactor(Reactor::Clock::manual);
  std::vector<std::string> log;
  auto dead = std::make_unique<Named>(log, "dead");
  Named alive(log, "alive");
  reactor.schedule(dead->wakeup());
  reactor.schedule(alive.wakeup());
  dead.reset();
  reactor.run_once(Duration::zero());
  EXPECT_THAT(log, ElementsAre("alive"));
}

TEST(Reactor, AWakeupMayDestroyAnotherOfTheSamePass) {
  Reactor reactor(Reactor::Clock::manual);
  std::vector<std::string> log;
  auto victim = std::make_unique<Named>(log, "victim");
  Wakeup killer([](void* v) { static_cast<std::unique_ptr<Named>*>(v)->reset(); }, &victim);
  reactor.schedule(killer);
  reactor.schedule(victim->wakeup());
  reactor.run_once(Duration::zero());
  EXPECT_THAT(log, IsEmpty());
}

TEST(Reactor, AWakeupThatSchedulesItselfWaitsForTheNextPass) {
  Reactor reactor(Reactor::Clock::manual);
  struct Again {
    explicit Again(Reactor& r) : reactor(r) {}
    Reactor& reactor;
    int runs = 0;
    Wakeup wakeup{[](void* self) {
                    auto& again = *static_cast<Again*>(self);
                    ++again.runs;
                    again.reactor.schedule(again.wakeup);
                  },
                  this};
  };
  Again again(reactor);
  reactor.schedule(again.wakeup);
  for (int pass = 1; pass <= 3; ++pass) {
    EXPECT_TRUE(reactor.run_once(Duration::max()));
    EXPECT_EQ(again.runs, pass);
  }
}

TEST(Reactor, ManualTimeStandsStillAndFiresTimersWhenItIsSet) {
  Reactor reactor(Reactor::Clock::manual);
  const Time start = reactor.now();
  int fired = 0;
  Timer timer([](void* count) { ++*static_cast<int*>(count); }, &fired);
  reactor.timers().arm(timer, start + seconds(10));
  reactor.run_once(Duration::zero());
  EXPECT_EQ(reactor.now(), start);
  reactor.set_time(start + seconds(9));
  EXPECT_EQ(fired, 0);
  reactor.set_time(start + seconds(11));
  EXPECT_EQ(fired, 1);
  reactor.set_time(start);
  EXPECT_EQ(reactor.now(), start + seconds(11)) << "time does not go back";
}

TEST(Reactor, SleepsUntilTheNextTimer) {
  Reactor reactor;
  int fired = 0;
  Timer timer([](void* count) { ++*static_cast<int*>(count); }, &fired);
  const Time start = reactor.now();
  reactor.timers().arm(timer, start + milliseconds(30));
  while (fired == 0)
    reactor.run_once(Duration::max());
  EXPECT_GE(reactor.now(), start + milliseconds(30));
}

TEST(Reactor, ReportsEventsOfRegisteredDescriptors) {
  Reactor reactor(Reactor::Clock::manual);
  const FileDescriptor event = make_event();
  Counter counter;
  ASSERT_TRUE(reactor.add(event.get(), counter, EPOLLIN | EPOLLET));
  EXPECT_FALSE(reactor.add(event.get(), counter, EPOLLIN | EPOLLET)) << "registered already";
  reactor.run_once(Duration::zero());
  EXPECT_EQ(counter.calls, 0);
  signal(event);
  reactor.run_once(seconds(5));
  EXPECT_EQ(counter.calls, 1);
  EXPECT_EQ(counter.last, std::uint32_t{EPOLLIN});
  reactor.run_once(Duration::zero());
  EXPECT_EQ(counter.calls, 1) << "edge-triggered";
}

TEST(Reactor, ModifyChangesReportedEventsAndRemoveEndsThem) {
  Reactor reactor(Reactor::Clock::manual);
  const FileDescriptor event = make_event();
  Counter counter;
  ASSERT_TRUE(reactor.add(event.get(), counter, EPOLLIN));
  reactor.modify(event.get(), counter, EPOLLIN | EPOLLOUT);
  reactor.run_once(seconds(5));
  EXPECT_EQ(counter.calls, 1);
  EXPECT_EQ(counter.last, std::uint32_t{EPOLLOUT});
  reactor.remove(event.get());
  reactor.run_once(Duration::zero());
  EXPECT_EQ(counter.calls, 1);
}

// Simulates SIGSTOP, or a frozen container: all timers are late at once.
void be_stopped_until(Time time) {
  while (std::chrono::steady_clock::now() < time) {
  }
}

TEST(Reactor, AfterASuspensionAllEventsRunBeforeTheFirstTimer) {
  constexpr std::size_t kEvents = 600;  // more events than one wait returns
  Reactor reactor;
  std::vector<FileDescriptor> events(kEvents);
  std::vector<Counter> counters(kEvents);
  for (std::size_t i = 0; i < kEvents; ++i) {
    events[i] = make_event();
    ASSERT_TRUE(reactor.add(events[i].get(), counters[i], EPOLLIN | EPOLLET));
  }
  struct Late {
    explicit Late(const std::vector<Counter>& c) : counters(c) {}
    const std::vector<Counter>& counters;
    std::size_t missed = 0;
    bool fired = false;
    Timer timer{[](void* self) {
                  auto& late = *static_cast<Late*>(self);
                  late.fired = true;
                  for (const Counter& counter : late.counters)
                    late.missed += counter.calls == 0 ? 1U : 0U;
                },
                this};
  };
  Late late(counters);
  reactor.timers().arm(late.timer, reactor.now() + milliseconds(10));
  for (const FileDescriptor& event : events)
    signal(event);
  be_stopped_until(late.timer.deadline() + milliseconds(100));
  while (!late.fired)
    reactor.run_once(Duration::max());
  EXPECT_EQ(late.missed, 0U);
}

TEST(Reactor, AfterASuspensionFollowUpWorkRunsBeforeTheFirstTimer) {
  Reactor reactor;
  // Each event causes the next one, as when a request goes through several parts of the program.
  struct Chain final : Watcher {
    explicit Chain(Reactor& r) : reactor(r), event(make_event()) {}
    void on_events(std::uint32_t) noexcept override { reactor.schedule(wakeup); }
    Reactor& reactor;
    FileDescriptor event;
    int length = 0;
    Wakeup wakeup{[](void* self) {
                    auto& chain = *static_cast<Chain*>(self);
                    if (++chain.length < 10) signal(chain.event);
                  },
                  this};
  };
  Chain chain(reactor);
  ASSERT_TRUE(reactor.add(chain.event.get(), chain, EPOLLIN | EPOLLET));
  struct Late {
    explicit Late(const Chain& c) : chain(c) {}
    const Chain& chain;
    int seen = -1;
    Timer timer{[](void* self) {
                  auto& late = *static_cast<Late*>(self);
                  late.seen = late.chain.length;
                },
                this};
  };
  Late late(chain);
  reactor.timers().arm(late.timer, reactor.now() + milliseconds(10));
  signal(chain.event);
  be_stopped_until(late.timer.deadline() + milliseconds(100));
  while (late.seen < 0)
    reactor.run_once(Duration::max());
  EXPECT_EQ(late.seen, 10);
  reactor.remove(chain.event.get());
}

TEST(Reactor, TimersFireDuringEndlessEvents) {
  Reactor reactor;
  struct Busy {
    explicit Busy(Reactor& r) : reactor(r) {}
    Reactor& reactor;
    Wakeup wakeup{[](void* self) {
                    auto& busy = *static_cast<Busy*>(self);
                    busy.reactor.schedule(busy.wakeup);
                  },
                  this};
  };
  Busy busy(reactor);
  reactor.schedule(busy.wakeup);
  int fired = 0;
  Timer timer([](void* count) { ++*static_cast<int*>(count); }, &fired);
  reactor.timers().arm(timer, reactor.now() + milliseconds(10));
  be_stopped_until(timer.deadline() + milliseconds(100));
  for (int pass = 0; pass < 1000 && fired == 0; ++pass)
    reactor.run_once(Duration::max());
  EXPECT_EQ(fired, 1);
}

TEST(Reactor, AddReportsWhyItFailed) {
  Reactor reactor(Reactor::Clock::manual);
  Counter counter;
  EXPECT_FALSE(reactor.add(-1, counter, EPOLLIN));
  EXPECT_EQ(errno, EBADF);
}

TEST(Reactor, WorkPostedFromAnotherThreadRunsOnThisOneAndWakesIt) {
  Reactor reactor;
  const auto here = std::this_thread::get_id();
  std::vector<int> order;
  std::thread poster([&] {
    for (int i = 1; i <= 1000; ++i) {
      reactor.post([&order, &reactor, i, here] {
        if (std::this_thread::get_id() == here) order.push_back(i);
        if (i == 1000) reactor.stop();
      });
    }
  });
  reactor.run();
  poster.join();
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i)
    EXPECT_EQ(order[static_cast<std::size_t>(i)], i + 1);
}

TEST(Reactor, StopFromAnotherThreadEndsRun) {
  Reactor reactor;
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(20));
    reactor.stop();
  });
  reactor.run();
  stopper.join();
}

// The other thread destroys the reactor when run() has ended, which may be before stop() has
// returned.
TEST(Reactor, MayBeDestroyedBeforeStopReturns) {
  // Runs in each pass, so that the loop does not wait for stop() to wake it.
  struct Busy {
    Reactor& reactor;
    Wakeup wakeup{[](void* self) {
                    auto* const busy = static_cast<Busy*>(self);
                    busy->reactor.schedule(busy->wakeup);
                  },
                  this};
  };
  for (int i = 0; i < 1000; ++i) {
    std::promise<Reactor*> started;
    std::thread owner([&started] {
      Reactor reactor;
      Busy busy{reactor};
      reactor.schedule(busy.wakeup);
      started.set_value(&reactor);
      reactor.run();
    });
    started.get_future().get()->stop();
    owner.join();
  }
}

// Destructors call stop(), so it must not throw.
TEST(Reactor, StopsWhileMemoryIsShort) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "operator new is a sanitizer's";
  Reactor reactor;
  {
    const FailingAllocation failing(0);
    reactor.stop();
    EXPECT_TRUE(failing.is_over());
  }
  reactor.run();
}

TEST(Reactor, PostedWorkThatNeverRanIsDestroyedWithTheReactor) {
  auto resource = std::make_shared<int>(0);
  {
    Reactor reactor(Reactor::Clock::manual);
    reactor.post([resource] { ++*resource; });
  }
  EXPECT_EQ(resource.use_count(), 1);
  EXPECT_EQ(*resource, 0);
}

TEST(Reactor, CurrentIsTheRunningOrEnteredReactor) {
  EXPECT_EQ(Reactor::current_or_null(), nullptr);
  Reactor outer(Reactor::Clock::manual);
  Reactor inner(Reactor::Clock::manual);
  {
    const Reactor::Enter enter(outer);
    struct Look {
      Reactor* seen = nullptr;
      Wakeup wakeup{[](void* self) { static_cast<Look*>(self)->seen = &Reactor::current(); }, this};
    };
    Look look;
    inner.schedule(look.wakeup);
    inner.run_once(Duration::zero());
    EXPECT_EQ(look.seen, &inner);
    EXPECT_EQ(&Reactor::current(), &outer);
  }
  EXPECT_EQ(Reactor::current_or_null(), nullptr);
}

class Local final : public WorkerLocal {
 public:
  Local(std::vector<std::string>& log, std::string name) : log_(log), name_(std::move(name)) {}
  ~Local() override { log_.push_back(name_); }

 private:
  std::vector<std::string>& log_;
  std::string name_;
};

TEST(Reactor, WorkerLocalsAreMadeOnceAndDestroyedInReverseOrder) {
  std::vector<std::string> log;
  const char keys[2] = {};
  {
    Reactor reactor(Reactor::Clock::manual);
    int made = 0;
    const auto get = [&](const char* key, const char* name) -> Local& {
      return reactor.local<Local>(key, [&] {
        ++made;
        return std::make_unique<Local>(log, name);
      });
    };
    Local& first = get(&keys[0], "first");
    Local& second = get(&keys[1], "second");
    EXPECT_NE(&first, &second);
    EXPECT_EQ(&get(&keys[0], "again"), &first);
    EXPECT_EQ(made, 2);
  }
  EXPECT_THAT(log, ElementsAre("second", "first"));
}

TEST(Reactor, AWorkerLocalMayBeMadeWhileAnotherIsDestroyed) {
  struct Restless final : WorkerLocal {
    Restless(std::vector<std::string>& l, const char* k) : log(l), key(k) {}
    ~Restless() override {
      Reactor::current().local<Local>(key, [&] { return std::make_unique<Local>(log, "late"); });
      log.emplace_back("restless");
    }
    std::vector<std::string>& log;
    const char* key;
  };
  std::vector<std::string> log;
  const char keys[2] = {};
  {
    Reactor reactor(Reactor::Clock::manual);
    reactor.local<Restless>(&keys[0], [&] { return std::make_unique<Restless>(log, &keys[1]); });
  }
  EXPECT_THAT(log, ElementsAre("restless", "late"));
}

// The mutex must not be held while work is destroyed: a destructor that posts would lock it again.
TEST(Reactor, DroppedWorkMayPostMoreWork) {
  struct Posting {
    Posting(Reactor& r, int& n) : reactor(r), left(n) {}
    ~Posting() {
      if (--left > 0) reactor.post([next = std::make_shared<Posting>(reactor, left)] {});
    }
    Reactor& reactor;
    int& left;
  };
  int left = 3;
  {
    Reactor reactor(Reactor::Clock::manual);
    reactor.post([first = std::make_shared<Posting>(reactor, left)] {});
  }
  EXPECT_EQ(left, 0);
}

TEST(Reactor, LendsScratchMemoryAtAStableAddress) {
  Reactor reactor(Reactor::Clock::manual);
  EXPECT_EQ(reactor.scratch().size(), Reactor::kScratchSize);
  EXPECT_EQ(reactor.scratch().data(), reactor.scratch().data());
  EXPECT_NE(reactor.scratch().data(), reactor.head_scratch().data());
}

TEST(Reactor, AnIdleThreadWakesUpToReturnTheMemoryOfABurst) {
  if (kMemoryChecker) GTEST_SKIP() << "free lists step aside under a sanitizer";
  constexpr std::size_t kBlocks = 1000;
  shrink_block_pool();
  shrink_block_pool();
  Reactor reactor;
  std::vector<void*> burst(kBlocks);
  for (void*& block : burst)
    block = take_block(kLargestPooledBlock);
  for (void* block : burst)
    give_block(block, kLargestPooledBlock);
  const std::size_t before = ::mallinfo2().uordblks;
  const auto start = std::chrono::steady_clock::now();
  reactor.run_once(seconds(30));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(20));
  reactor.run_once(milliseconds(1));
  EXPECT_LT(::mallinfo2().uordblks + kBlocks * kLargestPooledBlock / 2, before);
}

}  // namespace
}  // namespace onehop::io
