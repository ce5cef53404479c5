// SPDX-License-Identifier: Apache-2.0
#include "base/lasting_texts.hpp"

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(LastingTexts, StoresEqualTextsOnce) {
  const auto texts = std::make_unique<LastingTexts>();
  const std::string_view one = texts->keep("10.0.0.1:80");
  const std::string_view other = texts->keep("10.0.0.1:8");
  EXPECT_EQ(one, "10.0.0.1:80");
  EXPECT_EQ(other, "10.0.0.1:8");
  EXPECT_EQ(texts->keep(std::string("10.0.0.1:80")).data(), one.data());
  EXPECT_EQ(texts->keep(std::string("10.0.0.1:8")).data(), other.data());
  EXPECT_TRUE(texts->has(one));
  EXPECT_FALSE(texts->has(std::string(one)));
  EXPECT_FALSE(texts->has({}));
}

TEST(LastingTexts, DropsTextsThatDoNotFit) {
  const auto texts = std::make_unique<LastingTexts>();
  const std::string half(LastingTexts::kRoom / 2, 'x');
  const std::string_view kept = texts->keep(half);
  EXPECT_EQ(kept, half);
  EXPECT_EQ(texts->keep(std::string(LastingTexts::kRoom / 2, 'y')), "");
  EXPECT_EQ(texts->keep(std::string_view("a\0b", 3)), "");
  EXPECT_EQ(texts->keep(std::string(LastingTexts::kRoom / 2 - 2, 'z')).size(),
            LastingTexts::kRoom / 2 - 2);
  EXPECT_EQ(texts->keep("1"), "");
  EXPECT_EQ(texts->keep(half).data(), kept.data());
}

}  // namespace
}  // namespace onehop
