// SPDX-License-Identifier: Apache-2.0
#include "config/suggestion.hpp"

#include <array>

#include <gtest/gtest.h>

namespace onehop::config {
namespace {

constexpr std::array<std::string_view, 4> kFlags = {"--listen", "--workers", "--trust",
                                                    "--connect-timeout"};

TEST(EditDistance, CountsInsertionsRemovalsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", "abc"), 0U);
  EXPECT_EQ(edit_distance("listen", "lsten"), 1U);
  EXPECT_EQ(edit_distance("listen", "lisetn"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Nearest, FindsTheIntendedWord) {
  EXPECT_EQ(nearest("--lisen", kFlags), "--listen");
  EXPECT_EQ(nearest("--worker", kFlags), "--workers");
  EXPECT_EQ(nearest("--conect-timout", kFlags), "--connect-timeout");
}

TEST(Nearest, FindsNothingIfNothingIsNear) {
  EXPECT_EQ(nearest("--frobnicate", kFlags), std::nullopt);
  EXPECT_EQ(nearest("--x", kFlags), std::nullopt);
}

}  // namespace
}  // namespace onehop::config
