// SPDX-License-Identifier: Apache-2.0

#include <onehop/status.hpp>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(Status, ReasonsAreRegisteredOnesOrNone) {
  EXPECT_EQ(Status().code(), 200);
  EXPECT_EQ(Status::ok.reason(), "OK");
  EXPECT_EQ(Status::content_too_large.reason(), "Content Too Large");
  EXPECT_EQ(Status(511).reason(), "Network Authentication Required");
  EXPECT_EQ(Status(299).reason(), "");
  EXPECT_EQ(Status(799).reason(), "");
}

TEST(Status, ForbidsBody) {
  for (const int code : {100, 101, 103, 199, 204, 304}) {
    EXPECT_TRUE(Status(code).forbids_body()) << code;
  }
  for (const int code : {200, 205, 206, 301, 404, 500}) {
    EXPECT_FALSE(Status(code).forbids_body()) << code;
  }
}

}  // namespace
}  // namespace onehop
