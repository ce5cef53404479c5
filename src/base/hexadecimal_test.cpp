// SPDX-License-Identifier: Apache-2.0
#include "base/hexadecimal.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(Hexadecimal, GoesThereAndBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte)
    all += static_cast<char>(byte);
  EXPECT_EQ(from_hexadecimal(to_hexadecimal(all)), all);
  EXPECT_EQ(to_hexadecimal("\xaf\x01"), "af01");
  EXPECT_EQ(from_hexadecimal(""), "");
}

TEST(Hexadecimal, OtherTextIsNone) {
  for (const char* const text : {"0", "0g", "g0", "AF", "0 ", "0x10"})
    EXPECT_EQ(from_hexadecimal(text), std::nullopt) << text;
}

}  // namespace
}  // namespace onehop
