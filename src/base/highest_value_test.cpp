// SPDX-License-Identifier: Apache-2.0
#include "base/highest_value.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(HighestValue, NeverDecreases) {
  HighestValue highest;
  EXPECT_EQ(highest.of(5), 5);
  EXPECT_EQ(highest.of(3), 5);
  EXPECT_EQ(highest.of(7), 7);
}

TEST(HighestValue, IsSharedByAllThreads) {
  HighestValue highest;
  constexpr int kValues = 10'000;
  const auto rise = [&highest](int first) {
    std::int64_t last = 0;
    for (int value = first; value <= kValues; value += 2) {
      const std::int64_t seen = highest.of(value);
      EXPECT_GE(seen, value);
      EXPECT_GE(seen, last);
      last = seen;
    }
  };
  std::thread odd(rise, 1);
  rise(2);
  odd.join();
  EXPECT_EQ(highest.of(0), kValues);
}

}  // namespace
}  // namespace onehop
