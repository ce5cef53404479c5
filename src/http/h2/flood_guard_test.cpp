// SPDX-License-Identifier: Apache-2.0

#include "http/h2/flood_guard.hpp"

#include <gtest/gtest.h>

namespace onehop::h2 {
namespace {

using namespace std::chrono_literals;

constexpr FloodGuard::Time kStart = FloodGuard::Time{} + 1h;

int allowed_at_once(FloodGuard& guard, FloodGuard::Time now) {
  int count = 0;
  while (count < 100'000 && guard.allow_control_frame(now))
    ++count;
  return count;
}

TEST(FloodGuard, LimitsABurstOfFrames) {
  FloodGuard guard;
  EXPECT_LE(allowed_at_once(guard, kStart), 2 * FloodGuard::kControlFrames);
  EXPECT_FALSE(guard.allow_control_frame(kStart));
}

TEST(FloodGuard, RefillsTheBudgetOverTime) {
  FloodGuard guard;
  allowed_at_once(guard, kStart);
  EXPECT_NEAR(allowed_at_once(guard, kStart + 2s), 200, 5);
}

TEST(FloodGuard, RefillsTheBudgetWithContentButNotWithTinyPieces) {
  FloodGuard guard;
  allowed_at_once(guard, kStart);
  for (int i = 0; i < 100; ++i)
    guard.count_content(1);
  EXPECT_FALSE(guard.allow_control_frame(kStart));
  for (int i = 0; i < 100; ++i)
    guard.count_content(1000);
  EXPECT_GE(allowed_at_once(guard, kStart), 190);
}

TEST(FloodGuard, AllowsAFewStreamsToAllEndEarly) {
  FloodGuard guard;
  for (std::uint32_t i = 0; i + 1 < FloodGuard::kStreams; ++i) {
    guard.count_stream(kStart);
    EXPECT_TRUE(guard.allow_early_end());
  }
}

TEST(FloodGuard, DoesNotAllowMostOfManyStreamsToEndEarly) {
  FloodGuard guard;
  bool allowed = true;
  std::uint32_t streams = 0;
  while (allowed && streams < 1000) {
    guard.count_stream(kStart);
    allowed = guard.allow_early_end();
    ++streams;
  }
  EXPECT_EQ(streams, FloodGuard::kStreams);
}

TEST(FloodGuard, AllowsHalfOfManyStreamsToEndEarly) {
  FloodGuard guard;
  for (int i = 0; i < 2000; ++i) {
    guard.count_stream(kStart);
    if (i % 2 == 1) {
      EXPECT_TRUE(guard.allow_early_end()) << i;
    }
  }
}

TEST(FloodGuard, ForgetsOldStreams) {
  FloodGuard guard;
  FloodGuard::Time now = kStart;
  for (int i = 0; i < 1000; ++i) {
    now += 1s;
    guard.count_stream(now);
    EXPECT_TRUE(guard.allow_early_end());
  }
}

}  // namespace
}  // namespace onehop::h2
