// SPDX-License-Identifier: Apache-2.0

#include "http/host.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(Host, Valid) {
  for (const std::string_view host :
       {"", "h", "example.com", "example.com:80", "example.com:", "127.0.0.1:8080", "[::1]",
        "[::1]:443", "[::1%25en0]:80", "[fe80::1%en0]", "::1", "foo-bar_baz.com", "a%41b",
        "xn--bcher-kva.example", "h:65535", "[::ffff:192.0.2.1]"}) {
    EXPECT_TRUE(is_valid_host(host)) << host;
  }
}

TEST(Host, Invalid) {
  for (const std::string_view host :
       {"a,b",       "a b",     "a/b", "user@h", "h:x",    "h:65536", "h:123456", "h:-1",
        "h:+1",      "h:80:80", ":80", "[::1",   "::1]",   "[]",      "[::1]x",   "[::1]:x",
        "[1.2.3.4]", "[v1.a]",  "{h}", "h\x01",  "h\xff",  "h%4",     "h%zz",     "h?x",
        "h#x",       "h\\x",    "<h>", "\"h\"",  "[::1%]", "h\tx"}) {
    EXPECT_FALSE(is_valid_host(host)) << host;
  }
  EXPECT_FALSE(is_valid_host(std::string_view("h\0x", 3)));
  EXPECT_FALSE(is_valid_host(std::string_view("::1\0x", 5)));
  EXPECT_TRUE(is_valid_host(std::string(kMaxHostSize, 'a')));
  EXPECT_FALSE(is_valid_host(std::string(kMaxHostSize + 1, 'a')));
}

TEST(Host, SplitAuthority) {
  const auto named = split_authority("Example.com:8080");
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ(named->host, "Example.com");
  EXPECT_EQ(named->port, "8080");
  EXPECT_FALSE(named->bracketed);
  const auto v6 = split_authority("[fe80::1%25en0]:80");
  ASSERT_TRUE(v6.has_value());
  EXPECT_EQ(v6->host, "fe80::1");
  EXPECT_EQ(v6->zone, "en0");
  EXPECT_EQ(v6->port, "80");
  EXPECT_TRUE(v6->bracketed);
  EXPECT_FALSE(split_authority("").has_value());
}

TEST(Host, CheckHost) {
  const auto check = [](Version version, const Headers& headers) {
    return check_host(version, headers).has_value();
  };
  EXPECT_TRUE(check(Version::http_1_1, {{"Host", "h"}}));
  EXPECT_TRUE(check(Version::http_1_1, {{"Host", ""}}));
  EXPECT_FALSE(check(Version::http_1_1, {{"A", "b"}}));
  EXPECT_TRUE(check(Version::http_1_0, {{"A", "b"}}));
  EXPECT_FALSE(check(Version::http_1_1, {{"Host", "h"}, {"host", "h"}}));
  EXPECT_FALSE(check(Version::http_1_0, {{"Host", "h"}, {"host", "h"}}));
  EXPECT_FALSE(check(Version::http_1_1, {{"Host", "h/x"}}));
  EXPECT_FALSE(check(Version::http_1_0, {{"Host", "a, b"}}));
}

}  // namespace
}  // namespace onehop
