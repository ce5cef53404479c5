// SPDX-License-Identifier: Apache-2.0
#include "observe/recent_window.hpp"

#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HistogramTotals with(std::initializer_list<BucketDuration> values) {
  HistogramCounters counters;
  for (const BucketDuration value : values)
    counters.observe(value, Buckets());
  HistogramTotals totals;
  totals.add(counters);
  return totals;
}

TEST(Buckets, AValueAtABoundIsBelowIt) {
  const Buckets buckets;
  EXPECT_EQ(buckets.size(), 15U);
  EXPECT_EQ(buckets.index_of(BucketDuration::zero()), 0U);
  EXPECT_EQ(buckets.index_of(milliseconds(1)), 1U);
  EXPECT_EQ(buckets.index_of(milliseconds(1) + BucketDuration(1)), 2U);
  EXPECT_EQ(buckets.index_of(seconds(30)), 14U);
  EXPECT_EQ(buckets.index_of(seconds(31)), 15U);
}

TEST(Quantile, IsInterpolatedInItsBucket) {
  const Buckets buckets;
  EXPECT_EQ(quantile({}, buckets, 0.5), std::nullopt);
  // Both values are in the bucket from 5 to 10 ms.
  const HistogramTotals two = with({milliseconds(6), milliseconds(9)});
  EXPECT_EQ(quantile(two, buckets, 0.5),
            BucketDuration(milliseconds(7)) + std::chrono::microseconds(500));
  EXPECT_EQ(quantile(two, buckets, 1.0), BucketDuration(milliseconds(10)));
  EXPECT_EQ(quantile(with({seconds(100)}), buckets, 0.5), BucketDuration(seconds(30)));
  const HistogramTotals skewed =
      with({milliseconds(1), milliseconds(1), milliseconds(1), seconds(2)});
  EXPECT_LE(*quantile(skewed, buckets, 0.5), milliseconds(1));
  EXPECT_GT(*quantile(skewed, buckets, 0.99), seconds(1));
}

TEST(RecentWindow, ForgetsWhatIsOlderThanAMinute) {
  const RecentWindow::Time start{std::chrono::hours(1)};
  RecentWindow window(start);
  HistogramTotals totals = with({seconds(1)});
  EXPECT_EQ(window.advance(start, {{"x", totals}}).at("x").count(), 1U);
  totals.add(with({milliseconds(1), milliseconds(1)}));
  EXPECT_EQ(window.advance(start + seconds(30), {{"x", totals}}).at("x").count(), 3U);
  EXPECT_EQ(window.advance(start + seconds(61), {{"x", totals}}).at("x").count(), 3U);
  EXPECT_EQ(window.advance(start + seconds(91), {{"x", totals}}).at("x").count(), 0U);
  EXPECT_EQ(window.advance(start + seconds(92), {{"y", totals}}).at("y").count(), 3U);
}

// Regression: after a night without a viewer, the figures covered the whole night.
TEST(RecentWindow, IsEmptyAfterAMinuteWithoutUpdates) {
  const RecentWindow::Time start{std::chrono::hours(1)};
  RecentWindow window(start);
  HistogramTotals totals = with({seconds(1)});
  window.advance(start, {{"x", totals}});
  totals.add(with({milliseconds(1)}));
  const RecentWindow::Time morning = start + std::chrono::hours(9);
  EXPECT_EQ(window.advance(morning, {{"x", totals}}).at("x").count(), 0U);
  totals.add(with({milliseconds(1)}));
  EXPECT_EQ(window.advance(morning + seconds(1), {{"x", totals}}).at("x").count(), 1U);
}

TEST(RecentWindow, ARestartedCounterHasNoNegativeGrowth) {
  const RecentWindow::Time start{std::chrono::hours(1)};
  RecentWindow window(start);
  window.advance(start + seconds(20), {{"x", with({seconds(1), seconds(1)})}});
  EXPECT_EQ(window.advance(start + seconds(85), {{"x", with({seconds(1)})}}).at("x").count(), 1U);
}

}  // namespace
}  // namespace onehop::observe
