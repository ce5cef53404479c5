// SPDX-License-Identifier: Apache-2.0

#include "http/idna.hpp"

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(Idna, ToAscii) {
  EXPECT_EQ(idna_to_ascii("b\xc3\xbc"
                          "cher.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(idna_to_ascii("B\xc3\x9c"
                          "CHER.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(idna_to_ascii("stra\xc3\x9f"
                          "e.de"),
            "xn--strae-oqa.de");
  EXPECT_EQ(idna_to_ascii("plain.example"), "plain.example");
  EXPECT_EQ(idna_to_ascii("broken\xff.example"), std::nullopt);
}

}  // namespace
}  // namespace onehop
