// SPDX-License-Identifier: Apache-2.0
#include "base/promised_memory.hpp"

#include "base/held_memory.hpp"

#include <cstddef>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace onehop {
namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;

class PromisedMemoryTest : public ::testing::Test {
 protected:
  PromisedMemoryTest() {
    report_held_memory();
    report_promised_memory();
    before_ = promised_memory();
  }
  ~PromisedMemoryTest() override { set_memory_ceiling(kNoMemoryCeiling); }
  static std::size_t exactly_promised() {
    report_promised_memory();
    return promised_memory();
  }

  std::size_t before_ = 0;
};

TEST_F(PromisedMemoryTest, PromisedMemoryCountsLikeHeldMemory) {
  set_memory_ceiling(held_memory() + before_ + kMiB);
  EXPECT_FALSE(memory_is_short());
  {
    const MemoryPromise promise(2 * kMiB);
    EXPECT_TRUE(memory_is_short());
  }
  EXPECT_FALSE(memory_is_short());
}

TEST_F(PromisedMemoryTest, NeverUnderreportsToOtherThreads) {
  std::size_t promised = 0;
  for (int i = 0; i < 100; ++i) {
    count_promised(10 * kKiB);
    promised += 10 * kKiB;
    EXPECT_GE(promised_memory(), before_ + promised);
  }
  EXPECT_LE(promised_memory(), before_ + promised + 4 * kMiB);
  count_redeemed(promised);
  EXPECT_EQ(exactly_promised(), before_);
}

// A thread with a steady number of requests in progress writes no shared memory.
TEST_F(PromisedMemoryTest, ASteadyLoadReportsNothingToOtherThreads) {
  set_memory_ceiling(std::size_t{1} << 30);
  count_promised(10 * 48 * kKiB);
  const std::size_t told = promised_memory();
  for (int i = 0; i < 1000; ++i) {
    count_promised(48 * kKiB);
    count_redeemed(static_cast<std::size_t>(i % 10) * 48 * kKiB);
    count_promised(static_cast<std::size_t>(i % 10) * 48 * kKiB);
    count_redeemed(48 * kKiB);
    ASSERT_EQ(promised_memory(), told);
  }
  count_redeemed(10 * 48 * kKiB);
  EXPECT_EQ(exactly_promised(), before_);
}

TEST_F(PromisedMemoryTest, AThreadThatEndsLeavesNothingPromised) {
  std::thread([] { const MemoryPromise promise(kMiB); }).join();
  EXPECT_EQ(exactly_promised(), before_);
}

TEST_F(PromisedMemoryTest, AMovedPromiseIsRedeemedOnce) {
  MemoryPromise promise(3 * kMiB);
  MemoryPromise other(std::move(promise));
  EXPECT_EQ(exactly_promised(), before_ + 3 * kMiB);
  other = MemoryPromise(kMiB);
  EXPECT_EQ(exactly_promised(), before_ + kMiB);
  other.redeem();
  other.redeem();
  EXPECT_EQ(exactly_promised(), before_);
}

}  // namespace
}  // namespace onehop
