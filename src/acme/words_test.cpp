// SPDX-License-Identifier: Apache-2.0
#include "acme/words.hpp"

#include <gtest/gtest.h>

namespace onehop::acme {
namespace {

TEST(AcmeWords, PreferTheDetailOfAnError) {
  EXPECT_EQ(words_of(Error(Errc::bad_response, Side::upstream).with("the authority says no")),
            "the authority says no");
  const Error error(Errc::connect_failed, Side::upstream);
  EXPECT_EQ(words_of(error), error.to_string());
  EXPECT_NE(words_of(error), "");
}

TEST(AcmeWords, ATextIsNotCutInsideACharacter) {
  EXPECT_EQ(beginning_of("abc", 3), "abc");
  EXPECT_EQ(beginning_of("abc", 2), "ab");
  EXPECT_EQ(beginning_of("a\u20acb", 4), "a\u20ac");
  EXPECT_EQ(beginning_of("a\u20acb", 3), "a");
  EXPECT_EQ(beginning_of("\U0001f512", 3), "");
}

TEST(AcmeWords, InvisibleCharactersBecomeSpaces) {
  EXPECT_EQ(in_one_line("a\nb\x1b[1m\x7f"), "a b [1m ");
  for (const char* const one : {"\u0080", "\u009b", "\u009f", "\u061c", "\u200e", "\u200f",
                                "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069"})
    EXPECT_EQ(in_one_line("a" + std::string(one) + "b"), "a b") << one;
  const std::string plain = "\u00e4 \u00a0\u0639\u2013\u2027\u20ac\u206a\U0001f512";
  EXPECT_EQ(in_one_line(plain), plain);
}

}  // namespace
}  // namespace onehop::acme
