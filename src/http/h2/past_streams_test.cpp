// SPDX-License-Identifier: Apache-2.0

#include "http/h2/past_streams.hpp"

#include <gtest/gtest.h>

namespace onehop::h2 {
namespace {

using State = PastStreams::State;

constexpr std::int32_t kAll = 2 * PastStreams::kRemembered;

TEST(PastStreams, KnowsWhatHasBegunAndWhatHasEnded) {
  PastStreams streams;
  EXPECT_EQ(streams.last(), 0);
  streams.begin(1);
  streams.begin(3);
  streams.end(1);
  EXPECT_EQ(streams.of(1), State::ended);
  EXPECT_EQ(streams.of(3), State::begun);
  EXPECT_EQ(streams.of(5), State::unused);
  EXPECT_EQ(streams.last(), 3);
}

TEST(PastStreams, NumbersInBetweenWerePassedOver) {
  PastStreams streams;
  streams.begin(1);
  streams.begin(7);
  EXPECT_EQ(streams.of(1), State::begun);
  EXPECT_EQ(streams.of(3), State::unused);
  EXPECT_EQ(streams.of(5), State::unused);
  EXPECT_EQ(streams.of(7), State::begun);
}

TEST(PastStreams, APlaceThatIsUsedAgainTellsNothingOfTheOneBefore) {
  PastStreams streams;
  for (std::int32_t id = 1; id < kAll; id += 2) {
    streams.begin(id);
    streams.end(id);
  }
  EXPECT_EQ(streams.of(1), State::ended);
  streams.begin(kAll + 5);  // takes the place of 5, and passes over those of 1 and 3
  EXPECT_EQ(streams.of(1), State::unused);
  EXPECT_EQ(streams.of(5), State::unused);
  EXPECT_EQ(streams.of(7), State::ended);
  EXPECT_EQ(streams.of(kAll + 1), State::unused);
  EXPECT_EQ(streams.of(kAll + 3), State::unused);
  EXPECT_EQ(streams.of(kAll + 5), State::begun);
  streams.end(1);  // its last frame may come late
  EXPECT_EQ(streams.of(kAll + 1), State::unused);
}

TEST(PastStreams, AFarJumpForgetsEverything) {
  PastStreams streams;
  streams.begin(1);
  streams.begin(0x7fffffff);
  EXPECT_EQ(streams.of(1), State::unused);
  EXPECT_EQ(streams.of(0x7fffffff), State::begun);
  EXPECT_EQ(streams.of(0x7fffffff - 2), State::unused);
}

}  // namespace
}  // namespace onehop::h2
