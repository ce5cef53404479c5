// SPDX-License-Identifier: Apache-2.0
#include "program/demo_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::program {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Request arrived() {
  return {Method::get,
          Url::parse_target("/?a=<b>").value_or(Url()),
          {{"Host", "a.example"},
           {"X-Forwarded-For", "10.0.0.7"},
           {"X-Client-Certificate-Subject", "CN=alice"},
           {"X-Evil", "<script>'\"&"}}};
}

TEST(DemoPage, ShowsTheReceivedRequest) {
  const std::string page = demo_page_html(arrived());
  EXPECT_THAT(page, HasSubstr("<th>Host</th><td>a.example</td>"));
  EXPECT_THAT(page, HasSubstr("<tr class=\"added\"><th>X-Forwarded-For</th><td>10.0.0.7</td>"));
  EXPECT_THAT(page, HasSubstr("<tr class=\"added\"><th>X-Client-Certificate-Subject</th>"));
  EXPECT_THAT(demo_page_text(arrived()), HasSubstr("\nX-Forwarded-For: 10.0.0.7\n"));
}

TEST(DemoPage, EscapesRequestValues) {
  EXPECT_THAT(demo_page_html(arrived()), HasSubstr("<td>&lt;script&gt;&#39;&quot;&amp;</td>"));
  EXPECT_THAT(demo_not_found_html(arrived()), Not(HasSubstr("a=<b>")));
}

// The screen of a phone is too narrow for values beside their names.
TEST(DemoPage, PutsValuesBelowTheirNamesOnANarrowScreen) {
  const std::string page = demo_page_html(arrived());
  const std::size_t narrow = page.find("@media (max-width: 40rem)");
  ASSERT_NE(narrow, std::string::npos);
  EXPECT_LT(page.find("tr, th, td { display: block; width: auto; }"), page.find("</style>"));
  EXPECT_GT(page.find("tr, th, td { display: block; width: auto; }"), narrow);
}

TEST(DemoPage, LinksToTheDashboardIfEnabled) {
  const std::string page = demo_page_html(arrived(), "http://127.0.0.1:9090/?a&b");
  EXPECT_THAT(page,
              HasSubstr("<a class=\"button first\" href=\"http://127.0.0.1:9090/?a&amp;b\">"));
  EXPECT_THAT(demo_page_html(arrived()), Not(HasSubstr("Dashboard")));
}

TEST(DemoPage, LoadsNothingFromElsewhere) {
  const std::string page = demo_page_html(arrived());
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
}

}  // namespace
}  // namespace onehop::program
