// SPDX-License-Identifier: Apache-2.0
#include "base/duration_counts.hpp"

#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace std::chrono_literals;

TEST(DurationCounts, CountsADurationInTheFirstBucketThatHoldsIt) {
  DurationCounts counts;
  counts.add(0ns);
  counts.add(500us);
  counts.add(500us + 1ns);
  counts.add(30s);
  counts.add(30s + 1ns);
  counts.add(1h);
  const DurationHistogram all = counts.value();
  EXPECT_EQ(all.counts[0], 2u);
  EXPECT_EQ(all.counts[1], 1u);
  EXPECT_EQ(all.counts[14], 1u);
  EXPECT_EQ(all.counts[15], 2u);
  EXPECT_EQ(all.count(), 6u);
  EXPECT_EQ(all.sum, 1h + 60s + 1ms);
}

TEST(DurationCounts, ANegativeDurationAddsNothingToTheSum) {
  DurationCounts counts;
  counts.add(-1s);
  EXPECT_EQ(counts.value().count(), 1u);
  EXPECT_EQ(counts.value().sum, 0ns);
}

TEST(DurationCounts, PartsOfAMicrosecondAddUp) {
  DurationCounts counts;
  for (int i = 0; i < 1000; ++i)
    counts.add(750ns);
  EXPECT_EQ(counts.value().sum, 750us);
}

// Regression: a sum above 2^63 ns was negative, and one above 2^64 ns began at 0 again.
TEST(DurationCounts, TheSumIsNotLimitedToTheLongestDuration) {
  DurationCounts counts;
  for (int i = 0; i < 3; ++i)
    counts.add(std::chrono::nanoseconds::max());
  EXPECT_EQ(counts.value().sum, std::chrono::microseconds(27'670'116'110'564'327));
}

TEST(DurationCounts, HistogramsAreAdded) {
  DurationCounts counts;
  counts.add(2ms);
  DurationHistogram sum = counts.value();
  sum += counts.value();
  EXPECT_EQ(sum.count(), 2u);
  EXPECT_EQ(sum.sum, 4ms);
}

}  // namespace
}  // namespace onehop
