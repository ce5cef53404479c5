// SPDX-License-Identifier: Apache-2.0
#include "transport/retirement.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::transport {
namespace {

using namespace std::chrono_literals;

constexpr net::Time kNow{1h};

Transport::Options with_age(net::Duration age) {
  Transport::Options options;
  options.max_connection_age = age;
  return options;
}

TEST(RetirementTest, SpreadsConnectionsOverTheLastTenthOfTheirAge) {
  std::vector<net::Duration> ages;
  for (std::uint64_t number = 0; number < 100; ++number) {
    ages.push_back(Retirement(with_age(100s), kNow, number).at() - kNow);
  }
  std::ranges::sort(ages);
  EXPECT_GT(ages.front(), 90s);
  EXPECT_LE(ages.back(), 100s);
  for (std::size_t i = 1; i < ages.size(); ++i)
    EXPECT_LT(ages[i] - ages[i - 1], 300ms) << i;
}

TEST(RetirementTest, IsDueByAge) {
  const Retirement retirement(with_age(10s), kNow, 0);
  EXPECT_FALSE(retirement.is_due(kNow + 9s, 1'000'000));
  EXPECT_TRUE(retirement.is_due(kNow + 10s, 1));
}

TEST(RetirementTest, IsDueByRequests) {
  Transport::Options options = with_age(Transport::kOff);
  options.max_connection_requests = 3;
  const Retirement retirement(options, kNow, 7);
  EXPECT_FALSE(retirement.is_due(kNow + 1000h, 2));
  EXPECT_TRUE(retirement.is_due(kNow, 3));
}

TEST(RetirementTest, NeverComesWithoutLimits) {
  const Retirement retirement(with_age(Transport::kOff), kNow, 7);
  EXPECT_EQ(retirement.at(), io::kNever);
  EXPECT_FALSE(retirement.is_due(kNow + 1000h, 1'000'000'000));
}

}  // namespace
}  // namespace onehop::transport
