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
  EXPECT_EQ(all.sum, 1h + 60s + 1ms + 2ns);
}

TEST(DurationCounts, ANegativeDurationAddsNothingToTheSum) {
  DurationCounts counts;
  counts.add(-1s);
  EXPECT_EQ(counts.value().count(), 1u);
  EXPECT_EQ(counts.value().sum, 0ns);
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
