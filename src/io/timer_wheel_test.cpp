// SPDX-License-Identifier: Apache-2.0
#include "io/timer_wheel.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::io {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Time kStart = Time(hours(1000));
constexpr Duration kLatest = 2 * TimerWheel::kTick;

// A timer that counts how often it fired.
struct Probe {
  Probe() : timer([](void* self) { ++static_cast<Probe*>(self)->fired; }, this) {}
  Timer timer;
  int fired = 0;
};

TEST(TimerWheel, FiresOnceNotEarlyAndAtMostTwoTicksLate) {
  for (const Duration delay :
       {Duration(milliseconds(1)), Duration(milliseconds(127)), Duration(milliseconds(128)),
        Duration(seconds(9)), Duration(minutes(10)), Duration(hours(9)), Duration(hours(30))}) {
    TimerWheel wheel(kStart);
    Probe probe;
    wheel.arm(probe.timer, kStart + delay);
    EXPECT_TRUE(probe.timer.is_armed());
    EXPECT_EQ(probe.timer.deadline(), kStart + delay);
    wheel.advance(kStart + delay - microseconds(1));
    EXPECT_EQ(probe.fired, 0) << delay.count();
    wheel.advance(kStart + delay + kLatest);
    EXPECT_EQ(probe.fired, 1) << delay.count();
    EXPECT_FALSE(probe.timer.is_armed());
    EXPECT_TRUE(wheel.empty());
    wheel.advance(kStart + 2 * delay + hours(1));
    EXPECT_EQ(probe.fired, 1);
  }
}

TEST(TimerWheel, NeverMeansNever) {
  TimerWheel wheel(kStart);
  Probe probe;
  wheel.arm(probe.timer, deadline_after(kStart, Duration::max()));
  EXPECT_FALSE(probe.timer.is_armed());
  EXPECT_EQ(wheel.next(), std::nullopt);
}

TEST(TimerWheel, ADeadlineInThePastFiresSoon) {
  TimerWheel wheel(kStart);
  wheel.advance(kStart + seconds(5));
  Probe probe;
  wheel.arm(probe.timer, kStart);
  wheel.advance(kStart + seconds(5) + kLatest);
  EXPECT_EQ(probe.fired, 1);
}

TEST(TimerWheel, DisarmedMovedAndDestroyedTimersDoNotFire) {
  TimerWheel wheel(kStart);
  Probe disarmed;
  Probe moved;
  auto dead = std::make_unique<Probe>();
  wheel.arm(disarmed.timer, kStart + milliseconds(10));
  wheel.arm(moved.timer, kStart + milliseconds(10));
  wheel.arm(dead->timer, kStart + milliseconds(10));
  disarmed.timer.disarm();
  wheel.arm(moved.timer, kStart + seconds(10));
  dead.reset();
  wheel.advance(kStart + seconds(1));
  EXPECT_EQ(disarmed.fired, 0);
  EXPECT_EQ(moved.fired, 0);
  wheel.advance(kStart + seconds(11));
  EXPECT_EQ(moved.fired, 1);
}

TEST(TimerWheel, ACallbackMayArmItsTimerAgain) {
  struct Ticking {
    TimerWheel wheel{kStart};
    Timer timer{[](void* self) {
                  auto& ticking = *static_cast<Ticking*>(self);
                  ++ticking.fired;
                  ticking.wheel.arm(ticking.timer, ticking.timer.deadline() + milliseconds(100));
                },
                this};
    int fired = 0;
  };
  Ticking ticking;
  ticking.wheel.arm(ticking.timer, kStart + milliseconds(100));
  for (int i = 1; i <= 10'000; ++i)
    ticking.wheel.advance(kStart + i * milliseconds(1));
  EXPECT_GE(ticking.fired, 99);
  EXPECT_LE(ticking.fired, 100);
}

TEST(TimerWheel, ACallbackMayDisarmAnotherDueTimer) {
  struct Pair {
    TimerWheel wheel{kStart};
    Timer first{&Pair::fire, this};
    Timer second{&Pair::fire, this};
    int fired = 0;
    static void fire(void* self) {
      auto& pair = *static_cast<Pair*>(self);
      ++pair.fired;
      pair.first.disarm();
      pair.second.disarm();
    }
  };
  Pair pair;
  pair.wheel.arm(pair.first, kStart + milliseconds(10));
  pair.wheel.arm(pair.second, kStart + milliseconds(10));
  pair.wheel.advance(kStart + seconds(1));
  EXPECT_EQ(pair.fired, 1);
  EXPECT_TRUE(pair.wheel.empty());
}

TEST(TimerWheel, TimersOutliveTheirWheel) {
  Probe probe;
  {
    TimerWheel wheel(kStart);
    wheel.arm(probe.timer, kStart + seconds(1));
  }
  EXPECT_FALSE(probe.timer.is_armed());
}

// Compares the wheel to a sorted map, over spans from microseconds to beyond the reach of the top
// level.
class WheelAndModel {
 public:
  explicit WheelAndModel(unsigned seed) : random_(seed) {
    for (auto& timer : timers_)
      timer = std::make_unique<Modelled>(*this);
  }

  void step() {
    Modelled& timer = *timers_[pick(timers_.size())];
    switch (pick(5)) {
      case 0:
      case 1: {
        const Time deadline = now_ + random_span() - milliseconds(1);
        wheel_.arm(timer.timer, deadline);
        forget(timer);
        timer.entry = model_.emplace(deadline, &timer);
        break;
      }
      case 2:
        timer.timer.disarm();
        forget(timer);
        break;
      case 3:
        advance(now_ + random_span());
        break;
      default:
        sleep_until_next();
        break;
    }
    ASSERT_EQ(wheel_.empty(), model_.empty());
  }

  void run_dry() {
    int passes = 0;
    while (!model_.empty() && !::testing::Test::HasFatalFailure()) {
      ASSERT_LT(++passes, 1'000'000);
      sleep_until_next();
    }
    EXPECT_TRUE(wheel_.empty());
  }

 private:
  struct Modelled;
  using Model = std::multimap<Time, Modelled*>;
  struct Modelled {
    explicit Modelled(WheelAndModel& o) : owner(o) {}
    WheelAndModel& owner;
    Timer timer{[](void* self) {
                  auto& fired = *static_cast<Modelled*>(self);
                  fired.owner.on_fired(fired);
                },
                this};
    std::optional<Model::iterator> entry;
  };

  std::size_t pick(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  Duration random_span() {
    static constexpr Duration kLongest[] = {microseconds(100), milliseconds(5), milliseconds(200),
                                            seconds(10),       minutes(20),     hours(11)};
    const Duration longest = kLongest[pick(pick(50) == 0 ? 6 : 5)];
    return Duration(std::uniform_int_distribution<std::int64_t>(0, longest.count())(random_));
  }

  void forget(Modelled& timer) {
    if (timer.entry) model_.erase(*timer.entry);
    timer.entry.reset();
  }
  void on_fired(Modelled& timer) {
    ASSERT_TRUE(timer.entry) << "fired without being armed";
    EXPECT_LE((*timer.entry)->first, now_) << "fired early";
    forget(timer);
  }

  void advance(Time now) {
    now_ = now;
    wheel_.advance(now_);
    ASSERT_TRUE(model_.empty() || model_.begin()->first + kLatest > now_) << "fired too late";
  }
  // An event loop sleeps until the next timer, never longer.
  void sleep_until_next() {
    const auto next = wheel_.next();
    ASSERT_EQ(next.has_value(), !model_.empty());
    if (!next) return;
    ASSERT_LE(*next, std::max(model_.begin()->first, now_) + kLatest);
    advance(std::max(*next, now_ + microseconds(1)));
  }

  std::mt19937 random_;
  Time now_ = kStart;
  TimerWheel wheel_{kStart};
  Model model_;
  std::vector<std::unique_ptr<Modelled>> timers_{200};
};

TEST(TimerWheel, AgreesWithASortedMapOverRandomHistories) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    WheelAndModel both(seed);
    for (int i = 0; i < 5'000 && !HasFatalFailure(); ++i)
      both.step();
    both.run_dry();
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace onehop::io
