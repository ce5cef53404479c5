// SPDX-License-Identifier: Apache-2.0

#include <onehop/url.hpp>

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace literals;  // NOLINT(google-build-using-namespace)

Url target(std::string_view text) {
  Result<Url> url = Url::parse_target(text);
  EXPECT_TRUE(url.has_value()) << text;
  return url ? *url : Url();
}

TEST(Url, PartsOfAnAbsoluteUrl) {
  const Url url = "HTTP://us:er@Example.com:8080/a%2fb/./c?x=%zz&y#frag"_url;
  EXPECT_TRUE(url.is_absolute());
  EXPECT_EQ(url.scheme(), "http");
  EXPECT_EQ(url.user_info(), "us:er");
  EXPECT_EQ(url.host(), "Example.com");
  EXPECT_EQ(url.port(), 8080);
  EXPECT_EQ(url.authority(), "Example.com:8080");
  EXPECT_EQ(url.path(), "/a%2fb/./c");
  EXPECT_EQ(url.query(), "x=%zz&y");
  EXPECT_EQ(url.target(), "/a%2fb/./c?x=%zz&y");
  EXPECT_EQ(url.to_string(), "http://Example.com:8080/a%2fb/./c?x=%zz&y");
  EXPECT_EQ(url.decoded_path(), "/a/b/./c");
  EXPECT_EQ(url.socket_path(), "");
}

struct AbsoluteCase {
  std::string_view text;
  std::string_view authority;
  std::string_view host;
  int port;
  std::string_view target;
};

TEST(Url, AbsoluteTable) {
  for (const AbsoluteCase& c :
       {AbsoluteCase{"http://h", "h", "h", 80, "/"},
        AbsoluteCase{"http://h:80/", "h", "h", 80, "/"},
        AbsoluteCase{"http://h:", "h", "h", 80, "/"},
        AbsoluteCase{"https://h:443?q", "h", "h", 443, "/?q"},
        AbsoluteCase{"https://h:80", "h:80", "h", 80, "/"},
        AbsoluteCase{"h2c://h", "h", "h", 80, "/"},
        AbsoluteCase{"http://[::1]:81/x", "[::1]:81", "::1", 81, "/x"},
        AbsoluteCase{"http://b\xc3\xbc"
                     "cher.example:81/",
                     "xn--bcher-kva.example:81", "xn--bcher-kva.example", 81, "/"},
        AbsoluteCase{"http://a@h/", "h", "h", 80, "/"},
        AbsoluteCase{"http://@h/", "h", "h", 80, "/"},
        AbsoluteCase{"http://u,s:%40!@h:81/", "h:81", "h", 81, "/"},
        AbsoluteCase{"http://h/#f?x", "h", "h", 80, "/"},
        AbsoluteCase{"http://h#f", "h", "h", 80, "/"}}) {
    const Result<Url> url = Url::parse(c.text);
    ASSERT_TRUE(url.has_value()) << c.text << ": " << url.error().to_string();
    EXPECT_EQ(url->authority(), c.authority) << c.text;
    EXPECT_EQ(url->host(), c.host) << c.text;
    EXPECT_EQ(url->port(), c.port) << c.text;
    EXPECT_EQ(url->target(), c.target) << c.text;
  }
}

TEST(Url, UnixSockets) {
  for (const auto& [text, path] :
       {std::pair{"unix:/run/app.sock", "/run/app.sock"}, std::pair{"unix:app.sock", "app.sock"},
        std::pair{"UNIX:///run/app.sock", "/run/app.sock"},
        std::pair{"unix:@abstract", "@abstract"}, std::pair{"unix:/a@b?c", "/a@b?c"}}) {
    const Result<Url> url = Url::parse(text);
    ASSERT_TRUE(url.has_value()) << text;
    EXPECT_EQ(url->scheme(), "unix");
    EXPECT_EQ(url->socket_path(), path);
    EXPECT_EQ(url->port(), 0);
    EXPECT_EQ(url->authority(), "localhost");
    EXPECT_EQ(url->user_info(), "");
    EXPECT_EQ(url->path(), "");
    EXPECT_EQ(url->target(), "/");
    EXPECT_EQ(url->to_string(), std::string("unix:") + path);
    const Url resolved = target("/p?q").resolved_below(*url);
    EXPECT_EQ(resolved.target(), "/p?q") << text;
    EXPECT_EQ(resolved.socket_path(), path);
  }
}

struct RefusedCase {
  std::string_view text;
  std::string_view detail;
};

TEST(Url, RejectsWithAHint) {
  const std::string long_host = "http://" + std::string(256, 'a');
  const std::string long_path = "unix:/" + std::string(107, 'a');
  for (const RefusedCase& c :
       {RefusedCase{"", "empty URL"},
        RefusedCase{"localhost:8000", "did you mean http://localhost:8000?"},
        RefusedCase{":8000", "did you mean http://localhost:8000?"},
        RefusedCase{"8000", "did you mean http://localhost:8000?"},
        RefusedCase{"example.com/x", "did you mean http://example.com/x?"},
        RefusedCase{"/run/x.sock", "did you mean unix:/run/x.sock?"},
        RefusedCase{"//h/x", "did you mean http://h/x?"},
        RefusedCase{"::1", "did you mean http://[::1]?"},
        RefusedCase{"http", "did you mean http://http?"},
        RefusedCase{"http:8000", "did you mean http://http:8000?"},
        RefusedCase{"http:/h", "\"//\" is missing after \"http:\""},
        RefusedCase{"ftp://h", "unknown scheme \"ftp\""},
        RefusedCase{"ws://h", "write http://"},
        RefusedCase{"wss://h", "write https://"},
        RefusedCase{"grpc://h", "write h2c://"},
        RefusedCase{"http://", "empty host"},
        RefusedCase{"http:///x", "empty host"},
        RefusedCase{"http://:80", "empty host"},
        RefusedCase{"http://u@", "empty host"},
        RefusedCase{"http://a@b@h/", "\"@\" in the user info needs percent-encoding"},
        RefusedCase{"http://[f40:4@40:4@q", "\"[\" in the user info"},
        RefusedCase{"http://a\\@h", "\"\\\" in the user info"},
        RefusedCase{"http://\xc3\xbc@h", "in the user info needs percent-encoding"},
        RefusedCase{"http://h:x", "bad port \"x\""},
        RefusedCase{"http://h:0", "bad port \"0\""},
        RefusedCase{"http://h:65536", "bad port \"65536\""},
        RefusedCase{"http://[fe80::1%25en0]:80", "an IPv6 address with a zone is not supported"},
        RefusedCase{"http://[fe80::1%en0]", "an IPv6 address with a zone is not supported"},
        RefusedCase{"http://[::1]:x", "bad port \"x\""},
        RefusedCase{"http://::1", "an IPv6 address needs brackets: [::1]"},
        RefusedCase{"http://[1.2.3.4]", "not an IPv6 address"},
        RefusedCase{"http://[::1", "not an IPv6 address"},
        RefusedCase{"http://a,b", "not a host name: \"a,b\""},
        RefusedCase{"http://h/ x", "blank or control character at position 10"},
        RefusedCase{"http://h\n", "blank or control character at position 9"},
        RefusedCase{"http://h/%zz", "a malformed escape"},
        RefusedCase{"http://h/\xc3\xbc", "needs percent-encoding"},
        RefusedCase{"http://\xff.example", "not a host name"},
        RefusedCase{"unix:", "the socket's path is missing"},
        RefusedCase{"unix://run/x", "write unix:run/x or unix:/run/x"},
        RefusedCase{long_path, "longer than 107"},
        RefusedCase{long_host, "longer than a DNS name"}}) {
    const Result<Url> url = Url::parse(c.text);
    ASSERT_FALSE(url.has_value()) << c.text;
    EXPECT_TRUE(url.error().is(Errc::bad_url)) << c.text;
    EXPECT_NE(url.error().detail().find(c.detail), std::string_view::npos)
        << c.text << ": " << url.error().detail();
  }
  EXPECT_THROW("nonsense"_url, std::invalid_argument);
}

struct TargetCase {
  std::string_view wire;
  std::string_view target;
  std::string_view authority;
};

TEST(Url, Targets) {
  for (const TargetCase& c :
       {TargetCase{"/", "/", ""}, TargetCase{"/x?", "/x?", ""}, TargetCase{"//x", "//x", ""},
        TargetCase{"/a/../b", "/a/../b", ""}, TargetCase{"/%41", "/%41", ""},
        TargetCase{"/b%2fc", "/b%2fc", ""}, TargetCase{"/a#b", "/a%23b", ""},
        TargetCase{"/a?b#c", "/a?b%23c", ""}, TargetCase{"/x?a=%zz;b", "/x?a=%zz;b", ""},
        TargetCase{"*", "*", ""}, TargetCase{"http://x/p", "/p", "x"},
        TargetCase{"http://x", "/", "x"}, TargetCase{"http://x?q", "/?q", "x"},
        TargetCase{"HTTPS://x:443", "/", "x"}, TargetCase{"http://x:81/", "/", "x:81"},
        TargetCase{"/http://x", "/http://x", ""}, TargetCase{"http://x/#f", "/%23f", "x"}}) {
    const Result<Url> url = Url::parse_target(c.wire);
    ASSERT_TRUE(url.has_value()) << c.wire;
    EXPECT_EQ(url->target(), c.target) << c.wire;
    EXPECT_EQ(url->authority(), c.authority) << c.wire;
  }
  EXPECT_TRUE(target("*").is_asterisk());
  EXPECT_TRUE(target("/x?").has_query());
  EXPECT_EQ(target("/x?").query(), "");
  EXPECT_FALSE(target("/x").has_query());
  EXPECT_EQ(target("http://x").path(), "");
}

TEST(Url, TargetsRefused) {
  for (const std::string_view wire :
       {"",          "x",           "h:443",           "/%zz",        "/%",
        "/a b",      "/a\tb",       "/\x01",           "/\x7f",       "/\xc3\xbc",
        "**",        "*?x",         "ftp://h/",        "http://u@h/", "http://",
        "http:///x", "http://h:x/", "http://h:65536/", "http://h:0/", "http://a,b/",
        "?x",        "unix:/x",     "http:/x",         "http://x#f"}) {
    const Result<Url> url = Url::parse_target(wire);
    ASSERT_FALSE(url.has_value()) << wire;
    EXPECT_TRUE(url.error().is(Errc::bad_request)) << wire;
    EXPECT_EQ(url.error().side(), Side::client) << wire;
  }
}

struct JoinCase {
  std::string_view base;
  std::string_view target;
  std::string_view joined;
};

// Rows U01 to U18 of docs/parity.md.
TEST(Url, ResolvedBelow) {
  for (const JoinCase& c : {JoinCase{"http://b/base", "/dir", "/base/dir"},
                            JoinCase{"http://b/base/", "/dir", "/base/dir"},
                            JoinCase{"http://b/base", "/", "/base/"},
                            JoinCase{"http://b", "/x", "/x"},
                            JoinCase{"http://b/", "/x", "/x"},
                            JoinCase{"http://b", "http://h", "/"},
                            JoinCase{"http://b/base", "http://h", "/base/"},
                            JoinCase{"http://b/a/b", "/c", "/a/b/c"},
                            JoinCase{"http://b/a%2Fb", "/c", "/a%2Fb/c"},
                            JoinCase{"http://b/a%2Fb%2F", "/c", "/a%2Fb%2F/c"},
                            JoinCase{"http://b/a%2Fb/", "/c%2Fd", "/a%2Fb/c%2Fd"},
                            JoinCase{"http://b/a", "/b%2fc", "/a/b%2fc"},
                            JoinCase{"http://b", "//x", "//x"},
                            JoinCase{"http://b/a/", "//x", "/a//x"},
                            JoinCase{"http://b", "/a/../b", "/a/../b"},
                            JoinCase{"http://b?sta=tic", "/", "/?sta=tic"},
                            JoinCase{"http://b?sta=tic", "/?us=er", "/?sta=tic&us=er"},
                            JoinCase{"http://b", "/?us=er", "/?us=er"},
                            JoinCase{"http://b", "/x?", "/x?"},
                            JoinCase{"http://b?sta=tic", "/x?", "/x?sta=tic"},
                            JoinCase{"http://b/?", "/x", "/x"},
                            JoinCase{"http://b", "*", "*"},
                            JoinCase{"http://b/base?q", "*", "*"},
                            JoinCase{"http://u:p@b:81/base#f", "/a", "/base/a"}}) {
    const Url base = Url::parse(c.base).value();
    const Url joined = target(c.target).resolved_below(base);
    EXPECT_EQ(joined.target(), c.joined) << c.base << " + " << c.target;
    EXPECT_EQ(joined.authority(), base.authority());
    EXPECT_EQ(joined.scheme(), "http");
    EXPECT_EQ(joined.user_info(), base.user_info());
    const Url own = target(c.target);
    EXPECT_EQ(own.resolved_below(base), joined) << "one that stays as it is";
    EXPECT_EQ(own.resolved_below("https://long.example:8443"_url).resolved_below(base), joined);
  }
}

TEST(Url, AsteriskFormHasNoPath) {
  const Url url = target("*").resolved_below("http://b/base"_url);
  EXPECT_EQ(url.target(), "*");
  EXPECT_EQ(url.to_string(), "http://b");
}

TEST(Url, WithoutAuthority) {
  EXPECT_EQ("http://h:81/p?q"_url.without_authority().to_string(), "/p?q");
  const Url root = "http://h"_url.without_authority();
  EXPECT_EQ(root.to_string(), "/");
  EXPECT_EQ(root.path(), "/");
  EXPECT_FALSE(root.is_absolute());
}

TEST(Url, SetPathAndQuery) {
  Url url = "http://h/p?q"_url;
  EXPECT_TRUE(url.set_path("/a%2Fb").has_value());
  EXPECT_EQ(url.to_string(), "http://h/a%2Fb?q");
  EXPECT_TRUE(url.set_query("x=1").has_value());
  EXPECT_EQ(url.to_string(), "http://h/a%2Fb?x=1");
  EXPECT_TRUE(url.set_query("").has_value());
  EXPECT_FALSE(url.has_query());
  EXPECT_TRUE(url.set_path("").has_value());
  EXPECT_EQ(url.target(), "/");
  EXPECT_EQ(url.path(), "");
  for (const std::string_view bad : {"x", "/a?b", "/a#b", "/a b", "/%z", "/\xff", "/a\r\nb"}) {
    EXPECT_FALSE(url.set_path(bad).has_value()) << bad;
  }
  for (const std::string_view bad : {"a b", "a#b", "\xff", "a\r\nb"}) {
    EXPECT_FALSE(url.set_query(bad).has_value()) << bad;
  }
  EXPECT_EQ(url.to_string(), "http://h");
  EXPECT_FALSE("http://h/?q"_url.set_path("*").has_value());
  EXPECT_FALSE(target("*").set_query("q").has_value());
  EXPECT_TRUE(url.set_path("*").has_value());
  EXPECT_EQ(url.target(), "*");
  // The argument may view the URL's own text.
  Url own = target("/abc?def");
  EXPECT_TRUE(own.set_query(own.path().substr(1)).has_value());
  EXPECT_TRUE(own.set_path(own.path()).has_value());
  EXPECT_EQ(own.target(), "/abc?abc");
}

TEST(Url, CleanQuery) {
  Url url = target("/x?z=1&a=2&b=%zz");
  url.clean_query();
  EXPECT_EQ(url.target(), "/x?a=2&z=1");
  Url untouched = target("/x?z=1&a=2&x=good%3B");
  untouched.clean_query();
  EXPECT_EQ(untouched.target(), "/x?z=1&a=2&x=good%3B");
  Url nothing_left = target("/x?a=%2");
  nothing_left.clean_query();
  EXPECT_EQ(nothing_left.target(), "/x");
  Url bare = target("/x?");
  bare.clean_query();
  EXPECT_EQ(bare.target(), "/x?");
}

TEST(Url, Equality) {
  EXPECT_EQ("http://h/p"_url, "http://h:80/p"_url);
  EXPECT_FALSE("http://h/p"_url == "http://h/q"_url);
  EXPECT_FALSE("http://h/p"_url == "https://h/p"_url);
  EXPECT_EQ(Url().target(), "/");
}

}  // namespace
}  // namespace onehop
