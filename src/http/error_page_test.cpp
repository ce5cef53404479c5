// SPDX-License-Identifier: Apache-2.0

#include "http/error_page.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ErrorPage, HasAHeadlineAndTheStatus) {
  const std::string page = error_page(Status::gateway_timeout, "Gateway Timeout", "");
  EXPECT_THAT(page, StartsWith("<!doctype html>\n<html lang=\"en\">\n"));
  EXPECT_THAT(page, HasSubstr("<title>504 Gateway Timeout</title>"));
  EXPECT_THAT(page, HasSubstr("<h1>This site took too long to respond</h1>"));
  EXPECT_THAT(page, HasSubstr("<p>504 Gateway Timeout</p>"));
  EXPECT_THAT(page, Not(HasSubstr("request ID")));
  EXPECT_THAT(page, EndsWith("</html>\n"));
}

TEST(ErrorPage, HasTheRequestIdAsText) {
  EXPECT_THAT(error_page(Status::bad_gateway, "Bad Gateway", "<a&\"b'>"),
              HasSubstr("request ID:<br><code>&lt;a&amp;&quot;b&#39;&gt;</code>"));
  EXPECT_THAT(error_page(Status(599), "<b>", ""), HasSubstr("<title>599 &lt;b&gt;</title>"));
}

TEST(ErrorPage, HasAHeadlineForEveryStatusAndBlamesTheRightSide) {
  std::set<std::string> headlines;
  for (int code = 400; code < 600; ++code) {
    const std::string page = error_page(Status(code), "Reason", "");
    const std::size_t begin = page.find("<h1>");
    const std::string headline = page.substr(begin, page.find("</h1>") - begin);
    EXPECT_GT(headline.size(), 15u) << code;
    headlines.insert(headline);
    EXPECT_TRUE(code >= 500 || page.find("not your fault") == std::string::npos) << code;
  }
  EXPECT_EQ(headlines.size(), 10u);
  EXPECT_THAT(error_page(Status::internal_server_error, "", ""), HasSubstr("not your fault"));
}

TEST(ErrorPage, LoadsNoResourcesAndRunsNoScripts) {
  const std::string page = error_page(Status::bad_gateway, "Bad Gateway", "id");
  for (const char* word : {"<script", "src=", "http:", "https:", "url(", "@import"})
    EXPECT_THAT(page, Not(HasSubstr(word)));
  EXPECT_THAT(page, HasSubstr("color-scheme: light dark"));
  EXPECT_LT(page.size(), 2500u);
}

}  // namespace
}  // namespace onehop
