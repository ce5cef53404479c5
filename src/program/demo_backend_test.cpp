// SPDX-License-Identifier: Apache-2.0
#include "program/demo_backend.hpp"

#include <onehop/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::program {
namespace {

using ::testing::HasSubstr;

Response answer(Request request) {
  return onehop::testing::serve(*make_demo_backend(), std::move(request));
}

TEST(DemoBackend, RespondsToABrowserInHtmlAndToCurlInText) {
  Response html = answer(onehop::testing::request("GET /", {{"Accept", "text/html,*/*"}}));
  EXPECT_EQ(html.headers().get("Content-Type"), "text/html; charset=utf-8");
  Response text = answer(onehop::testing::request("GET /?a=b", {{"Accept", "*/*"}}));
  EXPECT_THAT(onehop::testing::text_of(text), HasSubstr("GET /?a=b\n"));
}

TEST(DemoBackend, EchoesABodyWithItsType) {
  Response echo = answer(
      onehop::testing::request("POST /echo", {{"Content-Type", "text/x-test"}}, "there and back"));
  EXPECT_EQ(echo.status(), Status::ok);
  EXPECT_EQ(echo.headers().get("Content-Type"), "text/x-test");
  EXPECT_EQ(onehop::testing::text_of(echo), "there and back");

  Response nothing = answer(onehop::testing::request("POST /echo"));
  EXPECT_EQ(onehop::testing::text_of(nothing), "");
  EXPECT_EQ(answer(onehop::testing::request("GET /echo")).headers().get("Allow"), "POST, PUT");
}

TEST(DemoBackend, RespondsWith404ToAnUnknownPath) {
  EXPECT_EQ(answer(onehop::testing::request("GET /nope")).status(), Status::not_found);
}

TEST(DemoBackend, RespondsWith426ToNonWebSocketClients) {
  EXPECT_EQ(answer(onehop::testing::request("GET /ws")).status(), Status::upgrade_required);
}

}  // namespace
}  // namespace onehop::program
