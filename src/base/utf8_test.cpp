// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.hpp"

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(Utf8, AcceptsTheFirstAndLastCharacterOfEachSize) {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv, "\0"sv, "\x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xed\x9f\xbf"sv,
        "\xee\x80\x80"sv, "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv}) {
    EXPECT_TRUE(is_utf8(text)) << ::testing::PrintToString(text);
  }
}

TEST(Utf8, RefusesWhatIsNone) {
  for (const char* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                           "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                           "\xc3", "\xe2\x82", "\xe2\x82(", "a\xc3(b"}) {
    EXPECT_FALSE(is_utf8(text)) << ::testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace onehop
