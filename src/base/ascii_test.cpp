// SPDX-License-Identifier: Apache-2.0

#include "base/ascii.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop::ascii {
namespace {

TEST(Ascii, TokenBytesMatchRfc9110) {
  const std::string_view tokens =
      "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    EXPECT_EQ(is_token_byte(c), tokens.find(c) != std::string_view::npos) << i;
  }
}

TEST(Ascii, ValueBytesAreAllButControls) {
  for (int i = 0; i < 256; ++i) {
    const bool control = (i < 0x20 && i != '\t') || i == 0x7f;
    EXPECT_EQ(is_value_byte(static_cast<char>(i)), !control) << i;
    EXPECT_EQ(is_target_byte(static_cast<char>(i)), i > 0x20 && i < 0x7f) << i;
  }
}

TEST(Ascii, HexValue) {
  EXPECT_EQ(hex_value('0'), 0);
  EXPECT_EQ(hex_value('9'), 9);
  EXPECT_EQ(hex_value('a'), 10);
  EXPECT_EQ(hex_value('F'), 15);
  for (const char c : std::string_view("gG/:@`x \0", 9))
    EXPECT_EQ(hex_value(c), -1) << c;
}

TEST(Ascii, EqualsIgnoringCaseFoldsLettersOnly) {
  EXPECT_TRUE(equals_ignoring_case("Content-Length", "cONTENT-lENGTH"));
  EXPECT_FALSE(equals_ignoring_case("abc", "abcd"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));
  EXPECT_FALSE(equals_ignoring_case("-", "\r"));
  EXPECT_FALSE(equals_ignoring_case("\xc3\x84", "\xc3\xa4"));
  EXPECT_TRUE(starts_with_ignoring_case("X-Forwarded-For", "x-forwarded-"));
  EXPECT_FALSE(starts_with_ignoring_case("X", "x-"));
}

TEST(Ascii, TrimBlanks) {
  EXPECT_EQ(trim_blanks(" \t a b\t "), "a b");
  EXPECT_EQ(trim_blanks(" \t "), "");
  EXPECT_EQ(trim_blanks("\na\n"), "\na\n");
}

TEST(Ascii, ParseDecimal) {
  EXPECT_EQ(parse_decimal("0"), 0U);
  EXPECT_EQ(parse_decimal("0042"), 42U);
  EXPECT_EQ(parse_decimal("18446744073709551615"), 18446744073709551615U);
  for (const std::string_view bad : {"", "+1", "-1", " 1", "1 ", "0x1", "1_0", "1.0",
                                     "18446744073709551616", "99999999999999999999"}) {
    EXPECT_FALSE(parse_decimal(bad)) << bad;
  }
}

TEST(Ascii, IsTokenRequiresAtLeastOneByte) {
  EXPECT_FALSE(is_token(""));
  EXPECT_TRUE(is_token("a"));
  EXPECT_FALSE(is_token("a b"));
  EXPECT_TRUE(is_field_value(""));
}

}  // namespace
}  // namespace onehop::ascii
