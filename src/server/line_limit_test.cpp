// SPDX-License-Identifier: Apache-2.0
#include "server/line_limit.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;

TEST(LineLimit, AdmitsOneInTenSecondsAndCountsTheOthers) {
  LineLimit limit;
  const io::Time start(1h);
  EXPECT_EQ(limit.admit(start), 0u);
  EXPECT_EQ(limit.admit(start), std::nullopt);
  EXPECT_EQ(limit.admit(start + 9999ms), std::nullopt);
  EXPECT_EQ(limit.admit(start + 10s), 2u);
  EXPECT_EQ(limit.admit(start + 11s), std::nullopt);
  EXPECT_EQ(limit.admit(start + 1h), 1u);
  EXPECT_EQ(limit.admit(start + 2h), 0u);
}

TEST(LineLimit, AdmitsOneOfSeveralThreads) {
  LineLimit limit;
  std::atomic<int> admitted = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i)
          admitted += limit.admit(io::Time(1h)) ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(admitted, 1);
  EXPECT_EQ(limit.admit(io::Time(2h)), 3999u);
}

TEST(LineLimit, ReturnsTheSuppressedCountAfterABurst) {
  LineLimit limit;
  const io::Time start(1h);
  EXPECT_EQ(limit.take_suppressed(start), 0u);
  for (int i = 0; i < 4; ++i)
    limit.admit(start);
  EXPECT_EQ(limit.take_suppressed(start + 9s), 0u);
  EXPECT_EQ(limit.take_suppressed(start + 10s), 3u);
  EXPECT_EQ(limit.take_suppressed(start + 30s), 0u);
  // take_suppressed() admitted a line as well.
  EXPECT_EQ(limit.admit(start + 19s), std::nullopt);
  EXPECT_EQ(limit.take_suppressed(), 1u);
  EXPECT_EQ(limit.admit(start + 20s), 0u);
}

TEST(LineLimit, DescribesTheSuppressedCount) {
  EXPECT_EQ(and_suppressed(0), "");
  EXPECT_EQ(and_suppressed(1), " (1 more since the last such line)");
}

}  // namespace
}  // namespace onehop::server
