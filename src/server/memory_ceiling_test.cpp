// SPDX-License-Identifier: Apache-2.0
#include "server/memory_ceiling.hpp"

#include "base/held_memory.hpp"
#include "base/promised_memory.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMiB = std::size_t{1024} * 1024;
constexpr std::size_t kAny = ~std::size_t{0};

class MemoryCeilingTest : public ::testing::Test {
 protected:
  MemoryCeilingTest() {
    report_held_memory();
    report_promised_memory();
    before_ = held_memory() + promised_memory();
    // Of 800 MiB, 750 MiB can be counted.
    ceiling_.set((before_ / 15 + 50 * kMiB) * 16);
    ceiling_.set_log([this](LogLevel level, std::string_view text) {
      (level == LogLevel::warning ? warnings_ : infos_).emplace_back(text);
    });
  }
  ~MemoryCeilingTest() override { hold(0); }

  // Counts `byte_count` bytes as held.
  void hold(std::size_t byte_count) {
    count_released(held_);
    count_held(byte_count);
    held_ = byte_count;
    report_held_memory();
  }

  MemoryCeiling ceiling_;
  std::size_t before_ = 0;
  std::size_t held_ = 0;
  io::Time now_ = io::Time() + 1h;
  std::vector<std::string> warnings_;
  std::vector<std::string> infos_;
};

TEST_F(MemoryCeilingTest, IsReachedUntilAnEighthIsFree) {
  EXPECT_FALSE(ceiling_.is_reached(now_));
  hold(749 * kMiB);
  EXPECT_FALSE(ceiling_.is_reached(now_));
  hold(750 * kMiB);
  EXPECT_TRUE(ceiling_.is_reached(now_));
  hold(660 * kMiB);
  EXPECT_TRUE(ceiling_.is_reached(now_));
  hold(650 * kMiB);
  EXPECT_FALSE(ceiling_.is_reached(now_));
  hold(740 * kMiB);
  EXPECT_FALSE(ceiling_.is_reached(now_));
}

TEST_F(MemoryCeilingTest, CountsPromisedMemoryLikeHeldMemory) {
  hold(400 * kMiB);
  const auto promise = [](std::size_t size) {
    MemoryPromise made(size);
    report_promised_memory();
    return made;
  };
  MemoryPromise some = promise(340 * kMiB);
  EXPECT_FALSE(ceiling_.is_reached(now_));
  MemoryPromise more = promise(10 * kMiB);
  EXPECT_TRUE(ceiling_.is_reached(now_));
  some.redeem();
  more.redeem();
  report_promised_memory();
  EXPECT_FALSE(ceiling_.is_reached(now_));
}

TEST_F(MemoryCeilingTest, IsLoggedOnceWithFigures) {
  hold(900 * kMiB);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(ceiling_.is_reached(now_ + i * 1min));
    ceiling_.on_request_refused();
  }
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_[0].find(std::to_string((before_ + 900 * kMiB) / kMiB) + " MiB of " +
                              std::to_string((before_ / 15 + 50 * kMiB) * 16 / kMiB) +
                              " MiB (max_memory) in use"),
            std::string::npos)
      << warnings_[0];
  hold(0);
  EXPECT_FALSE(ceiling_.is_reached(now_));
  EXPECT_FALSE(ceiling_.is_reached(now_));
  ASSERT_EQ(infos_.size(), 1u);
  EXPECT_NE(infos_[0].find("10 requests were refused"), std::string::npos) << infos_[0];
}

TEST_F(MemoryCeilingTest, RateLimitsLogLinesIfReachedRepeatedly) {
  for (int second = 0; second < 25; ++second) {
    hold(900 * kMiB);
    EXPECT_TRUE(ceiling_.is_reached(now_ + second * 1s));
    hold(0);
    EXPECT_FALSE(ceiling_.is_reached(now_ + second * 1s));
  }
  EXPECT_EQ(warnings_.size(), 3u);
}

TEST(DefaultMemoryCeiling, IsBelowTheMemoryOfTheMachine) {
  EXPECT_GT(default_memory_ceiling(), 16 * kMiB);
  EXPECT_LT(default_memory_ceiling(), kAny / 2);
}

}  // namespace
}  // namespace onehop::server
