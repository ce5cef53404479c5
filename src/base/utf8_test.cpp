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

TEST(Utf8, RejectsInvalidSequences) {
  for (const char* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                           "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                           "\xc3", "\xe2\x82", "\xe2\x82(", "a\xc3(b"}) {
    EXPECT_FALSE(is_utf8(text)) << ::testing::PrintToString(text);
  }
}

TEST(Utf8, DecodesEachSize) {
  EXPECT_EQ(utf8_code_point("\x7f"), U'\x7f');
  EXPECT_EQ(utf8_code_point("\u00e4"), U'\u00e4');
  EXPECT_EQ(utf8_code_point("\u20ac"), U'\u20ac');
  EXPECT_EQ(utf8_code_point("\U0001f512"), U'\U0001f512');
}

TEST(Utf8, KnowsInvisibleCharacters) {
  for (const char32_t code :
       {U'\0', U'\t', U'\x1f', U'\x7f', U'\x9f', U'\u061c', U'\u200b', U'\u200f', U'\u2028',
        U'\u202e', U'\u2060', U'\u2069', U'\ufeff', U'\ufff9', U'\ufffb'})
    EXPECT_TRUE(is_invisible(code)) << static_cast<unsigned>(code);
  for (const char32_t code : {U' ', U'~', U'\u00a0', U'\u061b', U'\u061d', U'\u200a', U'\u2010',
                              U'\u2027', U'\u202f', U'\u205f', U'\u206a', U'\ufffd', U'\U0001f512'})
    EXPECT_FALSE(is_invisible(code)) << static_cast<unsigned>(code);
}

}  // namespace
}  // namespace onehop
