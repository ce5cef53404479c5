// SPDX-License-Identifier: Apache-2.0
#include "transport/retry_budget.hpp"

#include <gtest/gtest.h>

namespace onehop::transport {
namespace {

using namespace std::chrono_literals;

int retries_out_of(RetryBudget& budget, int tries, Time now) {
  int allowed = 0;
  for (int i = 0; i < tries; ++i)
    allowed += budget.try_retry(now) ? 1 : 0;
  return allowed;
}

constexpr int kFloor = static_cast<int>(RetryBudget::kFloorPerSecond * RetryBudget::kWindowSeconds);
constexpr Time kStart{1h};

TEST(RetryBudget, AlwaysAllowsAFew) {
  RetryBudget budget(0);
  EXPECT_EQ(retries_out_of(budget, 1000, kStart), kFloor);
}

TEST(RetryBudget, AllowsAShareOfManyRequests) {
  RetryBudget budget(0.2);
  for (int i = 0; i < 1000; ++i)
    budget.count_requests(1, kStart);
  const int allowed = retries_out_of(budget, 1000, kStart);
  EXPECT_GE(allowed, 200);
  EXPECT_LE(allowed, 200 + kFloor);
}

TEST(RetryBudget, AllowsEveryRetryWithoutALimit) {
  RetryBudget budget(no_limit);
  for (int i = 0; i < 500; ++i) {
    budget.count_requests(1, kStart);
    ASSERT_TRUE(budget.try_retry(kStart));
  }
}

TEST(RetryBudget, AppliesANewShareAtOnce) {
  RetryBudget budget(0);
  budget.count_requests(1000, kStart);
  ASSERT_EQ(retries_out_of(budget, 1000, kStart), kFloor);
  budget.set_share(0.2);
  EXPECT_EQ(retries_out_of(budget, 1000, kStart), 200 - kFloor);
  budget.set_share(no_limit);
  EXPECT_EQ(retries_out_of(budget, 1000, kStart), 1000);
}

TEST(RetryBudget, ForgetsOldRetries) {
  RetryBudget budget(0);
  ASSERT_EQ(retries_out_of(budget, 1000, kStart), kFloor);
  EXPECT_FALSE(budget.try_retry(kStart + 1s));
  EXPECT_EQ(retries_out_of(budget, 1000, kStart + 1min), kFloor);
}

TEST(RetryBudget, ForgetsRequestsToo) {
  RetryBudget budget(0.9);
  for (int i = 0; i < 10'000; ++i)
    budget.count_requests(1, kStart);
  EXPECT_LE(retries_out_of(budget, 10'000, kStart + 1min), kFloor);
}

}  // namespace
}  // namespace onehop::transport
