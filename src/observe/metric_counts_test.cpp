// SPDX-License-Identifier: Apache-2.0
#include "observe/metric_counts.hpp"

#include "observe/metric_families.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

DurationHistogram a_histogram() {
  DurationHistogram histogram;
  histogram.counts.front() = 2;
  histogram.counts.back() = 1;
  histogram.sum = std::chrono::seconds(5);
  return histogram;
}

MetricFamilies families_with(double value, std::string_view label = "a") {
  MetricFamilies families;
  families.counter("onehop_things_total", "Things.").add(value, {{"kind", label}});
  families.gauge("onehop_now", "Now.").add(value);
  families.counter("process_cpu_seconds_total", "Time.").add(value);
  families.histogram("onehop_times_seconds", "Times.").add(a_histogram());
  return families;
}

TEST(MetricCountsTest, AreAddedToThoseOfTheNextProcess) {
  MetricFamilies next = families_with(3);
  next.add(families_with(4).counts());
  const std::string text = next.text();
  EXPECT_THAT(text, HasSubstr("onehop_things_total{kind=\"a\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("onehop_now 3\n")) << "a gauge is of one process";
  EXPECT_THAT(text, HasSubstr("process_cpu_seconds_total 3\n")) << "so is this";
  EXPECT_THAT(text, HasSubstr("onehop_times_seconds_count 6\n"));
  EXPECT_THAT(text, HasSubstr("onehop_times_seconds_sum 10\n"));
  EXPECT_THAT(text, HasSubstr("onehop_times_seconds_bucket{le=\"+Inf\"} 6\n"));
}

// Regression: the sum was negative after ten days with 10,000 requests in progress.
TEST(MetricCountsTest, TheSumOfAHistogramHasNoSign) {
  const Buckets buckets;
  HistogramCounters counters;
  HistogramTotals totals;
  counters.observe(BucketDuration::max(), buckets);
  for (int i = 0; i < 3; ++i)
    totals.add(counters);
  MetricFamilies families;
  families.histogram("onehop_times_seconds", "Times.").add(totals, buckets);
  totals.microseconds = std::uint64_t{1} << 63;
  families.histogram("onehop_long_seconds", "Times.").add(totals, buckets);
  const MetricCounts counts = families.counts();
  EXPECT_DOUBLE_EQ(counts.all().at({.name = "onehop_times_seconds"}).sum, 27'670'116'110.564325);
  EXPECT_DOUBLE_EQ(counts.all().at({.name = "onehop_long_seconds"}).sum, 9'223'372'036'854.775808);
}

TEST(MetricCountsTest, KeepSeriesMissingFromTheNextProcess) {
  MetricFamilies next = families_with(3);
  MetricCounts before = families_with(4, "b").counts();
  before.add({.name = "onehop_unknown_total", .labels = {}}, {.sum = 1});
  next.add(before);
  const std::string text = next.text();
  EXPECT_THAT(text, HasSubstr("onehop_things_total{kind=\"a\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("onehop_things_total{kind=\"b\"} 4\n"));
  EXPECT_THAT(text, Not(HasSubstr("onehop_unknown_total"))) << "it has no help";
}

TEST(MetricCountsTest, RoundTripAsText) {
  const MetricCounts counts = families_with(4, "\"\n").counts();
  const auto parsed = MetricCounts::parse(counts.text());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->text(), counts.text());
  EXPECT_EQ(parsed->all().size(), 2u);
  for (const char* const wrong :
       {"", "{}", "[1]", R"([{"name": 1, "labels": [], "sum": 1}])",
        R"([{"name": "a", "labels": [["b"]], "sum": 1}])",
        R"([{"name": "a", "labels": [], "sum": 1, "bounds": [1], "buckets": [1]}])"})
    EXPECT_FALSE(MetricCounts::parse(wrong)) << wrong;
}

TEST(MetricCountsTest, NeverDecrease) {
  MetricCounts counts;
  const MetricCounts::Series first{.name = "a", .labels = {}};
  const MetricCounts::Series second{.name = "b", .labels = {}};
  counts.add(first, {.sum = 2});
  MetricCounts newer;
  newer.add(first, {.sum = 1});
  newer.add(second, {.sum = 1, .bounds = {1}, .buckets = {1, 2}});
  counts.follow(newer);
  EXPECT_EQ(counts.all().at(first).sum, 2);
  MetricCounts ended;
  ended.add(first, {.sum = 3});
  ended.add(second, {.sum = 0, .bounds = {1}, .buckets = {0, 0}});
  counts.follow(ended);
  EXPECT_EQ(counts.all().at(first).sum, 3);
  EXPECT_EQ(counts.all().at(second).sum, 1);
}

TEST(MetricCountsTest, HistogramsWithOtherBoundsAreNotMixed) {
  MetricCounts counts;
  const MetricCounts::Series series{.name = "onehop_times_seconds", .labels = {}};
  counts.add(series, {.sum = 1, .bounds = {1}, .buckets = {1, 2}});
  counts.add(series, {.sum = 3, .bounds = {2}, .buckets = {3, 4}});
  EXPECT_EQ(counts.all().at(series).sum, 3);
  MetricFamilies next = families_with(3);
  next.add(counts);
  EXPECT_THAT(next.text(), HasSubstr("onehop_times_seconds_count 3\n"));
}

}  // namespace
}  // namespace onehop::observe
