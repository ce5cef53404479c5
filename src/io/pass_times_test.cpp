// SPDX-License-Identifier: Apache-2.0
#include "io/pass_times.hpp"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace onehop::io {
namespace {

using namespace std::chrono_literals;

constexpr Time kFirstPass{1h};
Time ending;  // the time at which the next pass ends

Time clock_of_test() noexcept {
  return ending;
}

void pass(PassTimes& times, Time began, Duration took) {
  times.begin(began);
  ending = began + took;
  std::this_thread::sleep_for(2ms);  // otherwise the pass is short
  times.end();
}

TEST(PassTimes, ReportsTheDurationOfEachPassAndOfTheCurrentOne) {
  PassTimes times(&clock_of_test);
  EXPECT_EQ(times.busy_for(kFirstPass), 0ns);
  times.begin(kFirstPass);
  EXPECT_EQ(times.busy_for(kFirstPass + 3s), 3s);
  pass(times, kFirstPass, 4s);
  EXPECT_EQ(times.busy_for(kFirstPass + 5s), 0ns);
  pass(times, kFirstPass + 5s, 2ms);
  const DurationHistogram all = times.durations();
  EXPECT_EQ(all.count(), 2u);
  EXPECT_EQ(all.sum, 4s + 2ms);
  EXPECT_EQ(times.longest(), 4s);
}

TEST(PassTimes, CountsAShortPassWithoutReadingTheClock) {
  PassTimes times(&clock_of_test);
  times.end();  // no pass has begun
  EXPECT_EQ(times.durations().count(), 0u);
  ending = kFirstPass + 1h;
  // On a busy machine, some passes may take long.
  for (int i = 0; i < 100; ++i) {
    times.begin(kFirstPass);
    times.end();
  }
  const DurationHistogram all = times.durations();
  EXPECT_EQ(all.count(), 100u);
  EXPECT_GT(all.counts[0], 50u);
}

TEST(PassTimes, ForgetsTheLongestPassAfterAMinuteOrTwo) {
  PassTimes times(&clock_of_test);
  pass(times, kFirstPass, 4s);
  pass(times, kFirstPass + 70s, 1s);
  EXPECT_EQ(times.longest(), 4s);
  pass(times, kFirstPass + 140s, 2s);
  EXPECT_EQ(times.longest(), 2s);
  pass(times, kFirstPass + 1h, 3ms);
  EXPECT_EQ(times.longest(), 3ms);
}

}  // namespace
}  // namespace onehop::io
