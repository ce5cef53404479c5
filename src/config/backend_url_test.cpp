// SPDX-License-Identifier: Apache-2.0
#include "config/backend_url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::HasSubstr;

std::string refusal(std::string_view text) {
  const auto url = parse_backend_url(text);
  return url ? "accepted as " + url->to_string() : url.error();
}

TEST(BackendUrl, IsAUrlAPortOrASocket) {
  EXPECT_EQ(parse_backend_url("http://localhost:8000")->authority(), "localhost:8000");
  EXPECT_EQ(parse_backend_url("HTTP://a.example/base?x=1")->target(), "/base?x=1");
  EXPECT_EQ(parse_backend_url("http://[::1]:8000")->host(), "::1");
  EXPECT_EQ(parse_backend_url("8000")->to_string(), "http://localhost:8000");
  EXPECT_EQ(parse_backend_url("0000000000000000008000")->to_string(), "http://localhost:8000");
  EXPECT_EQ(parse_backend_url("unix:/run/app.sock")->socket_path(), "/run/app.sock");
}

TEST(BackendUrl, DefaultsToHttpForAHostAndAPort) {
  EXPECT_EQ(parse_backend_url("localhost:8000")->to_string(), "http://localhost:8000");
  EXPECT_EQ(parse_backend_url(":8000")->to_string(), "http://localhost:8000");
  EXPECT_EQ(parse_backend_url("127.0.0.1:8000")->to_string(), "http://127.0.0.1:8000");
  EXPECT_EQ(parse_backend_url("[::1]:8000")->to_string(), "http://[::1]:8000");
  EXPECT_EQ(parse_backend_url("app.internal:8000/base?q")->to_string(),
            "http://app.internal:8000/base?q");
  EXPECT_THAT(refusal("localhost:80000"), HasSubstr("from 1 to 65535"));
  EXPECT_THAT(refusal(":80000"), HasSubstr("from 1 to 65535"));
  EXPECT_THAT(refusal(":80x"), HasSubstr("from 1 to 65535"));
  EXPECT_THAT(refusal("me:pw@localhost:80"), HasSubstr("--header-up 'Authorization"));
}

TEST(BackendUrl, PointsAtAMissingScheme) {
  EXPECT_EQ(refusal("api.internal/x"),
            "the backend has no scheme; did you mean http://api.internal/x?\n"
            "    api.internal/x\n"
            "    ^");
  EXPECT_THAT(refusal("http:/a.example"), HasSubstr("did you mean http://a.example?"));
  EXPECT_THAT(refusal("http:8000"), HasSubstr("'http' needs :// after it"));
  EXPECT_THAT(refusal("::1:80"), HasSubstr("brackets; did you mean http://[::1]:80?"));
  EXPECT_THAT(refusal("2001:db8::1/a"), HasSubstr("did you mean http://[2001:db8::1]/a?"));
  EXPECT_THAT(refusal("[::1]/a"), HasSubstr("no scheme; did you mean http://[::1]/a?"));
  EXPECT_EQ(refusal(":80a"),
            "a port is a number from 1 to 65535\n"
            "    :80a\n"
            "     ^^^");
  EXPECT_EQ(refusal("mailto:x"),
            "a port is a number from 1 to 65535\n"
            "    mailto:x\n"
            "           ^");
  EXPECT_EQ(refusal(""), "the BACKEND is empty");
  EXPECT_THAT(refusal("dmeo"), HasSubstr("did you mean onehop demo?"));
  EXPECT_THAT(refusal("relaod"), HasSubstr("did you mean onehop reload?"));
  EXPECT_EQ(refusal("app:http/x"),
            "a port is a number from 1 to 65535\n"
            "    app:http/x\n"
            "        ^^^^");
}

TEST(BackendUrl, TranslatesSchemesOfOtherProtocols) {
  EXPECT_EQ(refusal("grpc://localhost:50051"),
            "gRPC without TLS is HTTP/2 without TLS; did you mean h2c://localhost:50051?\n"
            "    grpc://localhost:50051\n"
            "    ^^^^");
  EXPECT_THAT(refusal("grpcs://a.example"), HasSubstr("did you mean https://a.example?"));
  EXPECT_THAT(refusal("WS://a.example"), HasSubstr("WebSockets do not need their own scheme"));
  EXPECT_THAT(refusal("ws://a.example/x"), HasSubstr("did you mean http://a.example/x?"));
  EXPECT_THAT(refusal("wss://a.example"), HasSubstr("did you mean https://a.example?"));
}

TEST(BackendUrl, RefusesAZone) {
  EXPECT_EQ(refusal("http://[fe80::1%25eth0]:80"),
            "an IPv6 address with a zone is not supported, so a link-local address cannot be "
            "reached\n"
            "    http://[fe80::1%25eth0]:80\n"
            "                   ^^^^^^^");
}

TEST(BackendUrl, PointsAtAnUnsupportedScheme) {
  EXPECT_EQ(refusal("htp://a.example"),
            "'htp' is not a supported scheme; did you mean http://a.example?\n"
            "    htp://a.example\n"
            "    ^^^");
}

TEST(BackendUrl, PointsAtABadPort) {
  EXPECT_EQ(refusal("http://localhost:80a0/x"),
            "a port is a number from 1 to 65535\n"
            "    http://localhost:80a0/x\n"
            "                     ^^^^");
  EXPECT_THAT(refusal("http://localhost:70000"), HasSubstr("from 1 to 65535"));
  EXPECT_THAT(refusal("http://localhost:"), HasSubstr("from 1 to 65535"));
  EXPECT_THAT(refusal("70000"), HasSubstr("from 1 to 65535"));
  EXPECT_THAT(refusal("0"), HasSubstr("from 1 to 65535"));
}

TEST(BackendUrl, PointsAtOtherMistakes) {
  EXPECT_THAT(refusal("http://"), HasSubstr("the host is missing"));
  EXPECT_THAT(refusal("http://:80"), HasSubstr("the host is missing"));
  EXPECT_THAT(refusal("http://::1"), HasSubstr("did you mean http://[::1]?"));
  EXPECT_THAT(refusal("https://fe80::1/a?b"), HasSubstr("did you mean https://[fe80::1]/a?b?"));
  EXPECT_THAT(refusal("http://a.example:80:90"), HasSubstr("from 1 to 65535"));
  EXPECT_THAT(refusal("http://[::1/a"), HasSubstr("the ] after the IPv6 address is missing"));
  EXPECT_THAT(refusal("http://user:secret@a.example"), HasSubstr("--header-up 'Authorization"));
  EXPECT_EQ(refusal("http://a.example/a b"),
            "a URL has no blanks; write them as %20\n"
            "    http://a.example/a b\n"
            "                      ^");
  EXPECT_THAT(refusal("unix:"), HasSubstr("path is missing"));
}

}  // namespace
}  // namespace onehop::config
