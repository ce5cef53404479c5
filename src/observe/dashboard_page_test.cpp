// SPDX-License-Identifier: Apache-2.0
#include "observe/dashboard_page.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(DashboardPage, FillsInEveryPart) {
  const std::string page = dashboard_page({});
  EXPECT_THAT(page, StartsWith("<!doctype html>"));
  EXPECT_THAT(page, Not(HasSubstr("<!--=")));
  for (const char* sentence :
       {"No request was sent to an upstream yet.</td>", "No request is in flight.</td>",
        "No tunnel is open.</td>", "Nothing has failed since the start.</td>",
        "No limit was hit.</td>", "No listener uses TLS.</td>", "No worker has reported yet.</td>",
        "<dt>Requests</dt> <dd>0</dd>", "<dt>Version</dt>", "File descriptors",
        "class=\"pill ok\">Serving</span>"}) {
    EXPECT_THAT(page, HasSubstr(sentence));
  }
}

// Returns the ranges of characters that the script replaces: [\u0000-\u001f\u061c...].
std::vector<std::pair<char32_t, char32_t>> ranges_of_script(std::string_view page) {
  constexpr std::string_view kBegin = "const visible = (text) => text.replace(/[";
  std::vector<std::pair<char32_t, char32_t>> ranges;
  std::string_view rest = page.substr(std::min(page.find(kBegin), page.size() - kBegin.size()));
  rest.remove_prefix(kBegin.size());
  while (rest.starts_with("\\u") || rest.starts_with("-\\u")) {
    const bool is_end = rest.starts_with('-');
    const std::string digits(rest.substr(is_end ? 3 : 2, 4));
    const auto code = static_cast<char32_t>(std::stoul(digits, nullptr, 16));
    if (is_end) {
      ranges.back().second = code;
    } else {
      ranges.emplace_back(code, code);
    }
    rest.remove_prefix(is_end ? 7 : 6);
  }
  EXPECT_THAT(rest, StartsWith("]/g"));
  return ranges;
}

TEST(DashboardPage, TheScriptKnowsTheInvisibleCharacters) {
  const auto ranges = ranges_of_script(dashboard_page({}));
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    const bool is_replaced = std::ranges::any_of(
        ranges, [code](const auto& range) { return range.first <= code && code <= range.second; });
    ASSERT_EQ(is_replaced, is_invisible(code)) << std::hex << static_cast<unsigned>(code);
  }
}

TEST(DashboardPage, ShowsTheFigures) {
  Overview overview;
  overview.totals.requests = 12345;
  Overview::Upstream upstream;
  upstream.address = "127.0.0.1:8000";
  upstream.health = Overview::Health::down;
  upstream.since = overview.time - std::chrono::seconds(70);
  overview.upstreams.push_back(upstream);
  overview.problems.push_back({.is_urgent = true, .text = "127.0.0.1:8000 is down."});
  const std::string page = dashboard_page(overview);
  EXPECT_THAT(page, HasSubstr("<dt>Requests</dt> <dd>12,345</dd>"));
  EXPECT_THAT(page, HasSubstr("<tr role=\"row\" class=\"down\"><th scope=\"row\""));
  EXPECT_THAT(page, HasSubstr("<span class=\"health bad\">down</span> <small>1 m 10 s</small>"));
  EXPECT_THAT(page, HasSubstr("1, 1 down"));
  EXPECT_THAT(page, HasSubstr("<li class=\"bad\">127.0.0.1:8000 is down.</li>"));
  EXPECT_THAT(page, HasSubstr("class=\"pill bad\">Needs attention</span>"));
}

BalancedUpstream upstream_named(const std::string& name, onehop::Upstream::State state) {
  BalancedUpstream upstream;
  upstream.upstream = name;
  upstream.balance = "least";
  upstream.states[static_cast<std::size_t>(state)] = 1;
  BalancedUpstream::Endpoint& endpoint = upstream.endpoints.emplace_back();
  endpoint.endpoint = "http://" + name + ":8000";
  endpoint.state = state;
  return upstream;
}

TEST(DashboardPage, OmitsEndpointsWithoutABalancedUpstream) {
  EXPECT_THAT(dashboard_page({}), HasSubstr("<div id=\"balanced\"></div>"));
}

TEST(DashboardPage, ShowsTheEndpointsOfEachUpstream) {
  Overview overview;
  overview.balanced = {upstream_named("api", onehop::Upstream::State::ejected),
                       upstream_named("web", onehop::Upstream::State::up)};
  const std::string page = dashboard_page(overview);
  EXPECT_THAT(page,
              HasSubstr("<div id=\"balanced\"><section class=\"endpoints\" "
                        "aria-label=\"Endpoints of api\" data-upstream=\"api\"><details open>"));
  EXPECT_THAT(page, HasSubstr("<h2>Endpoints of api</h2><span class=\"note bad\">least; "
                              "1 endpoint: 1 ejected</span>"));
  EXPECT_THAT(page, HasSubstr("<tr role=\"row\" class=\"down\"><th scope=\"row\" "
                              "role=\"rowheader\" class=\"m w\" data-label=\"Endpoint\">"
                              "<span>http://api:8000</span></th>"));
  EXPECT_THAT(page, HasSubstr("<span class=\"health bad\">ejected</span>"));
  EXPECT_THAT(page, HasSubstr("<h2>Endpoints of web</h2><span class=\"note\">least; "
                              "1 endpoint: 1 up</span>"));
  EXPECT_THAT(page, HasSubstr("<span class=\"health ok\">up</span>"));
  EXPECT_THAT(page, Not(HasSubstr("<!--=")));
}

TEST(DashboardPage, ExpandsOnlyTheFaultyOfManyUpstreams) {
  Overview overview;
  for (int i = 0; i < 5; ++i) {
    overview.balanced.push_back(
        upstream_named("u" + std::to_string(i),
                       i == 3 ? onehop::Upstream::State::down : onehop::Upstream::State::up));
  }
  const std::string page = dashboard_page(overview);
  EXPECT_THAT(page, HasSubstr("data-upstream=\"u2\"><details>"));
  EXPECT_THAT(page, HasSubstr("data-upstream=\"u3\"><details open>"));
  overview.balanced.pop_back();
  EXPECT_THAT(dashboard_page(overview), HasSubstr("data-upstream=\"u2\"><details open>"));
}

TEST(DashboardPage, EscapesEndpointNames) {
  Overview overview;
  overview.balanced.push_back(
      upstream_named("\"><script>\xe2\x80\xae", onehop::Upstream::State::up));
  overview.balanced[0].sticky = "<s>";
  overview.balanced[0].endpoints[0].last_failure = "<f>";
  const std::string page = dashboard_page(overview);
  EXPECT_THAT(page, HasSubstr("aria-label=\"Endpoints of &quot;&gt;&lt;script&gt;\\u202e\""));
  EXPECT_THAT(page, HasSubstr("<span>http://&quot;&gt;&lt;script&gt;\\u202e:8000</span>"));
  EXPECT_THAT(page, HasSubstr("sticky &lt;s&gt;"));
  EXPECT_THAT(page, HasSubstr("<span>&lt;f&gt;</span>"));
  EXPECT_THAT(page, Not(HasSubstr("\"><script>")));
}

TEST(DashboardPage, EscapesPeerInput) {
  Overview overview;
  Overview::Failure failed;
  failed.method = "<b>";
  failed.host = "\"'&";
  failed.path = "/\xe2\x80\xae</td><script>";
  failed.query = "?password=secret";
  failed.detail = "<i>";
  failed.client = "<c>";
  overview.failures.push_back(failed);
  overview.certificates.push_back({.names = {"<name>"}, .not_after = {}, .sha256 = "AB"});
  const std::string page = dashboard_page(overview);
  EXPECT_THAT(page, HasSubstr("&lt;b&gt; &quot;&#39;&amp;/\\u202e&lt;/td&gt;&lt;script&gt;?"));
  EXPECT_THAT(page, HasSubstr("&lt;i&gt;"));
  EXPECT_THAT(page, HasSubstr("&lt;c&gt;"));
  EXPECT_THAT(page, HasSubstr("&lt;name&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("secret")));
}

TEST(DashboardPage, IsSmallAndLoadsNothing) {
  constexpr std::size_t kMaxSize = 60 * 1024;
  const std::string page = dashboard_page({});
  EXPECT_LT(page.size(), kMaxSize);
  for (const char* forbidden : {"src=", "@import", "url(", "innerHTML", "eval(", "style=\""})
    EXPECT_THAT(page, Not(HasSubstr(forbidden)));
}

TEST(DashboardPage, ThePolicyAllowsOnlyItsOwnScriptAndStyle) {
  const std::string policy(dashboard_policy());
  EXPECT_THAT(policy, StartsWith("default-src 'none'; script-src 'sha256-"));
  EXPECT_THAT(policy, HasSubstr("='; style-src 'sha256-"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
}

}  // namespace
}  // namespace onehop::observe
