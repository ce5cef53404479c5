// SPDX-License-Identifier: Apache-2.0

#include "http/h2/cancel_budget.hpp"

#include <deque>

#include <gtest/gtest.h>

namespace onehop::h2 {
namespace {

using namespace std::chrono_literals;

constexpr CancelBudget::Time kNow = CancelBudget::Time{} + 1h;

TEST(CancelBudget, AllowsABurstAndThenASteadyRate) {
  CancelBudget budget;
  int allowed = 0;
  while (budget.allow(kNow))
    ++allowed;
  EXPECT_EQ(allowed, CancelBudget::kBurst);
  EXPECT_FALSE(budget.allow(kNow + CancelBudget::kBetween - 1ns));
  EXPECT_TRUE(budget.allow(kNow + CancelBudget::kBetween));
  EXPECT_FALSE(budget.allow(kNow + CancelBudget::kBetween));
}

TEST(CancelBudget, StaysBelow33InAnySecond) {
  CancelBudget budget;
  std::deque<CancelBudget::Time> last_second;
  std::size_t max = 0;
  for (auto now = kNow; now < kNow + 10s; now += 1ms) {
    if (budget.allow(now)) last_second.push_back(now);
    while (!last_second.empty() && last_second.front() <= now - 1s)
      last_second.pop_front();
    max = std::max(max, last_second.size());
  }
  EXPECT_LT(max, 33u);
  EXPECT_GE(last_second.size(), 15u) << "and goes on";
}

TEST(CancelBudget, IgnoresATimeInThePast) {
  CancelBudget budget;
  while (budget.allow(kNow)) {
  }
  EXPECT_FALSE(budget.allow(kNow - 1s));
}

}  // namespace
}  // namespace onehop::h2
