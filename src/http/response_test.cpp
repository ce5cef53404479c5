// SPDX-License-Identifier: Apache-2.0

#include <onehop/response.hpp>

#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(Response, WithTextHasATypeAndALength) {
  for (const Response& response :
       {Response(404, "not here"), Response{Status::not_found, "not here"}}) {
    EXPECT_EQ(response.status(), 404);
    EXPECT_EQ(response.headers().get("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(response.body().length(), 8U);
  }
  Response json(200, "{}");
  json.headers().set("Content-Type", "application/json");
  EXPECT_EQ(json.headers().get_all("Content-Type").size(), 1U);
}

TEST(Response, WithoutTextHasNeither) {
  EXPECT_TRUE(Response(204, "").headers().empty());
  EXPECT_TRUE(Response(204, "").body().is_empty());
  EXPECT_TRUE(Response(Status::ok).headers().empty());
}

}  // namespace
}  // namespace onehop
