// SPDX-License-Identifier: Apache-2.0
#include "acme/base64url.hpp"

#include <gtest/gtest.h>

namespace onehop::acme {
namespace {

TEST(Base64Url, WritesTheExamplesOfRfc4648WithoutPadding) {
  EXPECT_EQ(to_base64url(""), "");
  EXPECT_EQ(to_base64url("f"), "Zg");
  EXPECT_EQ(to_base64url("fo"), "Zm8");
  EXPECT_EQ(to_base64url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64url("\xff\xef\xbe"), "_---");
}

TEST(Base64Url, RoundTrips) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
    bytes += static_cast<char>(i);
  }
}

TEST(Base64Url, RejectsInvalidText) {
  for (const char* const text : {"Z", "Zg==", "Zm9v+", "Zm9v/w", "Zh", "Zm9", "Zm 9"})
    EXPECT_EQ(from_base64url(text), std::nullopt) << text;
}

}  // namespace
}  // namespace onehop::acme
