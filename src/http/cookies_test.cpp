// SPDX-License-Identifier: Apache-2.0

#include <onehop/cookies.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs cookies_in(const Headers& headers) {
  Pairs pairs;
  for (const Cookie& cookie : Cookies(headers))
    pairs.emplace_back(cookie.name, cookie.value);
  return pairs;
}

TEST(Cookies, AreReadFromAllLines) {
  struct Case {
    const char* value;
    Pairs expected;
  };
  const Case cases[] = {
      {"a=1", {{"a", "1"}}},
      {"a=1; b=2", {{"a", "1"}, {"b", "2"}}},
      {"a=1;b=2;", {{"a", "1"}, {"b", "2"}}},
      {"a=\"1\"; b=\"", {{"a", "1"}}},
      {"a=b=c", {{"a", "b=c"}}},
      {"a=; =1; b", {{"a", ""}}},
      {"a b=1; c=2", {{"c", "2"}}},
      {"a=1 2, 3", {{"a", "1 2, 3"}}},
      {"a=\\; b=2", {{"b", "2"}}},
      {" ; ", {}},
  };
  for (const Case& each : cases)
    EXPECT_EQ(cookies_in({{"Cookie", each.value}}), each.expected) << each.value;
  EXPECT_EQ(cookies_in({{"cookie", "a=1"}, {"X", "b=2"}, {"COOKIE", "c=3"}}),
            (Pairs{{"a", "1"}, {"c", "3"}}));
}

TEST(Cookies, AreFoundByName) {
  const Headers headers = {{"Cookie", "a=1; a=2; b="}};
  const Cookies cookies(headers);
  EXPECT_EQ(cookies.size(), 3U);
  EXPECT_EQ(cookies.get("a"), "1");
  EXPECT_EQ(cookies.get("b"), "");
  EXPECT_EQ(cookies.get("A"), std::nullopt);
  EXPECT_EQ(cookies.get_or_empty("c"), "");
  EXPECT_TRUE(Cookies(Headers()).empty());
}

TEST(SetCookie, IsWrittenWithItsAttributes) {
  EXPECT_EQ(SetCookie({.name = "a", .value = "1"}).to_string(), "a=1");
  SetCookie all{.name = "__Host-id", .value = "31d4d96e"};
  all.path = "/";
  all.max_age = std::chrono::hours(1);
  all.expires = std::chrono::system_clock::time_point(std::chrono::seconds(784'111'777));
  all.same_site = SameSite::strict;
  all.secure = all.http_only = all.partitioned = true;
  EXPECT_EQ(all.to_string(),
            "__Host-id=31d4d96e; Path=/; Max-Age=3600; Expires=Sun, 06 Nov 1994 08:49:37 GMT; "
            "SameSite=Strict; Secure; HttpOnly; Partitioned");
  SetCookie gone{.name = "a", .value = ""};
  gone.domain = "example.com";
  gone.max_age = std::chrono::seconds(-1);
  gone.same_site = SameSite::lax;
  EXPECT_EQ(gone.to_string(), "a=; Domain=example.com; Max-Age=0; SameSite=Lax");
}

TEST(SetCookie, IsRejectedWhenAClientWouldMisreadIt) {
  const auto with = [](auto edit) {
    SetCookie cookie{.name = "a", .value = "1"};
    edit(cookie);
    const Result<std::string> text = cookie.to_string();
    return !text && text.error().is(Errc::bad_field);
  };
  EXPECT_FALSE(with([](SetCookie&) {}));
  for (const char* name : {"", "a b", "a=", "a;", "\xc3\xa9"})
    EXPECT_TRUE(with([name](SetCookie& c) { c.name = name; })) << name;
  for (const char* value : {"1;2", "1,2", "1 2", "\"1\"", "1\r\nX: 1", "\\", "\xc3\xa9"})
    EXPECT_TRUE(with([value](SetCookie& c) { c.value = value; })) << value;
  for (const char* path : {"a", "/;", "/\n"})
    EXPECT_TRUE(with([path](SetCookie& c) { c.path = path; })) << path;
  for (const char* domain : {"a;b", "a b", "a/b"})
    EXPECT_TRUE(with([domain](SetCookie& c) { c.domain = domain; })) << domain;
  EXPECT_TRUE(with([](SetCookie& c) { c.same_site = SameSite::none; }));
  EXPECT_TRUE(with([](SetCookie& c) { c.partitioned = true; }));
  EXPECT_TRUE(with([](SetCookie& c) { c.name = "__secure-a"; }));
  EXPECT_TRUE(with([](SetCookie& c) {
    c.name = "__Host-a";
    c.secure = true;
  }));
}

TEST(SetCookie, IsAddedToAResponse) {
  Response response;
  add_cookie(response, {.name = "a", .value = "1"});
  add_cookie(response, {.name = "b", .value = "2"});
  EXPECT_EQ(response.headers().get_all("Set-Cookie"),
            (std::vector<std::string_view>{"a=1", "b=2"}));
  EXPECT_THROW(add_cookie(response, {.name = "a", .value = ";"}), std::invalid_argument);
}

}  // namespace
}  // namespace onehop
