// SPDX-License-Identifier: Apache-2.0
#include <onehop/limit.hpp>

#include <chrono>
#include <cstdint>
#include <type_traits>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

struct Options {
  Limit<std::uint64_t> size = no_limit;
  Limit<nanoseconds> time = seconds(5);
  Limit<double> share = 0.2;
};

TEST(Limit, HoldsANumberOrNoLimit) {
  Options options;
  EXPECT_TRUE(options.size.is_none());
  EXPECT_EQ(options.size, no_limit);
  options.size = 10;
  EXPECT_FALSE(options.size.is_none());
  EXPECT_EQ(options.size, 10u);
  EXPECT_NE(options.size, no_limit);
  options.size = 0;
  EXPECT_EQ(options.size, 0u);
  EXPECT_FALSE(options.size.is_none());
}

TEST(Limit, AcceptsEveryDuration) {
  Options options;
  EXPECT_EQ(options.time, seconds(5));
  EXPECT_GT(options.time, nanoseconds::zero());
  options.time = std::chrono::hours(1);
  const nanoseconds plain = options.time;
  EXPECT_EQ(plain, std::chrono::hours(1));
  options.time = no_limit;
  EXPECT_TRUE(options.time.is_none());
}

TEST(Limit, NothingExceedsNoLimit) {
  const Options options;
  const std::uint64_t used = ~std::uint64_t{0};
  EXPECT_FALSE(used > options.size);
  EXPECT_FALSE(1e300 > Limit<double>(no_limit));
  EXPECT_TRUE(0.3 > options.share);
}

TEST(Limit, HasTheSizeOfItsNumber) {
  static_assert(sizeof(Limit<nanoseconds>) == sizeof(nanoseconds));
  static_assert(std::is_trivially_copyable_v<Limit<double>>);
}

}  // namespace
}  // namespace onehop
