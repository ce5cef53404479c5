// SPDX-License-Identifier: Apache-2.0
#include "transport/connection_lifetime.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::transport {
namespace {

using namespace std::chrono_literals;

constexpr net::Time kNow{1h};

Transport::Options with_age(Limit<net::Duration> age) {
  Transport::Options options;
  options.max_connection_age = age;
  return options;
}

TEST(ConnectionLifetimeTest, SpreadsConnectionsOverTheLastTenthOfTheirAge) {
  std::vector<net::Duration> ages;
  for (std::uint64_t number = 0; number < 100; ++number) {
    ages.push_back(ConnectionLifetime(with_age(100s), kNow, number).ends_at() - kNow);
  }
  std::ranges::sort(ages);
  EXPECT_GT(ages.front(), 90s);
  EXPECT_LE(ages.back(), 100s);
  for (std::size_t i = 1; i < ages.size(); ++i)
    EXPECT_LT(ages[i] - ages[i - 1], 300ms) << i;
}

TEST(ConnectionLifetimeTest, IsDueByAge) {
  const ConnectionLifetime lifetime(with_age(10s), kNow, 0);
  EXPECT_FALSE(lifetime.is_over(kNow + 9s, 1'000'000));
  EXPECT_TRUE(lifetime.is_over(kNow + 10s, 1));
}

TEST(ConnectionLifetimeTest, IsDueByRequests) {
  Transport::Options options = with_age(no_limit);
  options.max_connection_requests = 3;
  const ConnectionLifetime lifetime(options, kNow, 7);
  EXPECT_FALSE(lifetime.is_over(kNow + 1000h, 2));
  EXPECT_TRUE(lifetime.is_over(kNow, 3));
}

TEST(ConnectionLifetimeTest, NeverEndsWithoutLimits) {
  const ConnectionLifetime lifetime(with_age(no_limit), kNow, 7);
  EXPECT_EQ(lifetime.ends_at(), io::kNever);
  EXPECT_FALSE(lifetime.is_over(kNow + 1000h, 1'000'000'000));
}

}  // namespace
}  // namespace onehop::transport
