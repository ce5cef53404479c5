// SPDX-License-Identifier: Apache-2.0
//
// Clients that stay with their endpoint, by a key or a cookie.
#include "support/upstream_test.hpp"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace test::vocabulary;
using StickyTest = test::UpstreamTest;

TEST_F(StickyTest, AKeyStaysAtItsEndpoint) {
  start(
      {.hash_key = [](const Request& request) { return request.headers().get_or_empty("User"); }});
  for (const char* name : {"a", "b", "c"})
    serve(name);
  std::set<std::string> seen;
  for (const char* user : {"1", "2", "3", "4", "5", "6", "7", "8"}) {
    const std::string request = get("User: " + std::string(user) + "\r\n");
    const std::string first = body_of(ask(request));
    EXPECT_EQ(body_of(ask(request)), first);
    seen.insert(first);
  }
  EXPECT_GT(seen.size(), 1u);
}

std::string cookie_of(const std::string& response) {
  const std::size_t at = response.find("Set-Cookie: ");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + 12;
  return response.substr(begin, response.find("\r\n", begin) - begin);
}

TEST_F(StickyTest, ACookieKeepsAClientAtItsEndpoint) {
  start({.sticky = {.name = "place", .key = "0123456789abcdef"}});
  serve("a");
  serve("b");
  const std::string cookie = cookie_of(ask(get()));
  EXPECT_THAT(cookie,
              ::testing::MatchesRegex("place=[0-9a-f]{1,16}; Path=/; SameSite=Lax; HttpOnly"));
  update({"http://b", "http://a"});
  const std::string field = "Cookie: x=y; " + cookie.substr(0, cookie.find(';')) + "\r\n";
  const std::string stays = ask(get(field));
  EXPECT_EQ(body_of(stays), "a");
  EXPECT_EQ(cookie_of(stays), "");
  network_.refuse("a:80");
  const std::string moved = ask(get(field));
  EXPECT_EQ(body_of(moved), "b");
  EXPECT_NE(cookie_of(moved), "");
  EXPECT_EQ(body_of(ask(get("Cookie: place=nonsense\r\n"))), "b");
}

// Regression: each response to a client without TLS was a 500.
TEST_F(StickyTest, ACookieWhoseNameHasAPrefixIsSecure) {
  start({.sticky = {.name = "__Host-place"}});
  serve("a");
  const std::string response = ask(get());
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(cookie_of(response), EndsWith("; SameSite=Lax; Secure; HttpOnly"));
}

TEST_F(StickyTest, AnUpdateMovesOnlyClientsOfRemovedEndpoints) {
  start({.sticky = {.name = "place"}});
  for (const char* name : {"a", "b", "c"})
    serve(name);
  const auto field_of = [](const std::string& response) {
    const std::string cookie = cookie_of(response);
    return "Cookie: " + cookie.substr(0, cookie.find(';')) + "\r\n";
  };
  const std::string at_a = field_of(ask(get()));
  update({"http://b", "http://a"});
  const std::string at_b = field_of(ask(get()));
  update({"http://c", "http://b", {Url::parse("http://a").value(), 7}});
  EXPECT_EQ(body_of(ask(get(at_a))), "a") << "with another weight and place";
  EXPECT_EQ(body_of(ask(get(at_b))), "b");
  update({"http://c", "http://b"});
  const std::string moved = ask(get(at_a));
  EXPECT_EQ(body_of(moved), "c");
  EXPECT_EQ(body_of(ask(get(field_of(moved)))), "c");
  EXPECT_EQ(body_of(ask(get(at_b))), "b");
  update({"http://c", "http://b", "http://a"});
  EXPECT_EQ(body_of(ask(get(at_a))), "a") << "it is the same one";
}

}  // namespace
}  // namespace onehop
