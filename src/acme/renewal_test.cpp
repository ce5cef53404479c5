// SPDX-License-Identifier: Apache-2.0
#include "acme/renewal.hpp"

#include <gtest/gtest.h>

namespace onehop::acme {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const WallTime kBegin{std::chrono::sys_days(std::chrono::year(2026) / 11 / 30)};

TEST(Renewal, IsDueAfterSixToTwoThirdsOfAnyLifetime) {
  for (const hours life : {hours(24 * 90), hours(24 * 6), hours(24 * 365), hours(1)}) {
    const Lifetime lifetime{kBegin, kBegin + life};
    const auto latest = renewal_time(lifetime, 0) - kBegin;
    const auto earliest = renewal_time(lifetime, 1) - kBegin;
    EXPECT_NEAR(static_cast<double>(latest.count()) / static_cast<double>(seconds(life).count()),
                2e9 / 3, 1);
    EXPECT_LT(earliest, latest);
    EXPECT_GT(earliest * 100, life * 56);
  }
}

TEST(Renewal, FollowsTheWindowSuggestedByTheAuthority) {
  const RenewalWindow window{kBegin, kBegin + hours(48), ""};
  EXPECT_EQ(renewal_time(window, 0), kBegin);
  EXPECT_EQ(renewal_time(window, 0.5), kBegin + hours(24));
  EXPECT_EQ(renewal_time(window, 1), kBegin + hours(48));
}

TEST(Renewal, PollsForAdviceAsTheAuthorityAsksWithinADay) {
  EXPECT_EQ(until_next_advice(std::nullopt), hours(6));
  EXPECT_EQ(until_next_advice(seconds(0)), minutes(1));
  EXPECT_EQ(until_next_advice(hours(5)), hours(5));
  EXPECT_EQ(until_next_advice(hours(100)), hours(24));
}

TEST(Renewal, WaitsLongerAfterEachFailure) {
  const std::pair<unsigned, seconds> expected[] = {
      {1, minutes(1)},   {2, minutes(2)}, {3, minutes(4)}, {7, minutes(64)},
      {9, minutes(256)}, {10, hours(6)},  {11, hours(6)},  {4'000'000'000U, hours(6)}};
  for (const auto& [failures, wait] : expected) {
    EXPECT_EQ(until_next_attempt(failures, std::nullopt, 0), wait) << failures;
    EXPECT_EQ(until_next_attempt(failures, std::nullopt, 1), wait * 4 / 5) << failures;
  }
}

TEST(Renewal, HonoursALongerRetryAfter) {
  EXPECT_EQ(until_next_attempt(1, hours(30), 0.5), hours(30));
  EXPECT_EQ(until_next_attempt(10, seconds(10), 0), hours(6));
}

TEST(Renewal, BecomesUrgentWithAThirdAndATenthOfTheLifetimeLeft) {
  const Lifetime week{kBegin, kBegin + hours(150)};
  EXPECT_EQ(urgency_of(week, kBegin), Urgency::none);
  EXPECT_EQ(urgency_of(week, kBegin + hours(99)), Urgency::none);
  EXPECT_EQ(urgency_of(week, kBegin + hours(101)), Urgency::warning);
  EXPECT_EQ(urgency_of(week, kBegin + hours(134)), Urgency::warning);
  EXPECT_EQ(urgency_of(week, kBegin + hours(136)), Urgency::error);
  EXPECT_EQ(urgency_of(week, kBegin + hours(1000)), Urgency::error);
}

TEST(Renewal, DelaysTheNextOrder) {
  EXPECT_EQ(until_next_order(kBegin, kBegin + hours(24 * 90)), hours(6));
  EXPECT_EQ(until_next_order(kBegin, kBegin + hours(100)), hours(1));
  EXPECT_EQ(until_next_order(kBegin, kBegin + minutes(5)), minutes(1));
}

}  // namespace
}  // namespace onehop::acme
