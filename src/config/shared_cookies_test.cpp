// SPDX-License-Identifier: Apache-2.0
#include "config/shared_cookies.hpp"

#include "config/load.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::HasSubstr;

// Returns the first finding; "" if there is none.
std::string finding_of(const std::string& text) {
  const Loaded loaded = load({"--config", "named"}, {}, [&text](const NamedFiles&, Findings&) {
    return std::vector<ConfigFile>{{"onehop.toml", text}};
  });
  return loaded.findings.empty() ? std::string() : sentence_of(loaded.findings.front());
}

// Returns two routes that have their own backends.
std::string two_routes(const std::string& rule, const std::string& one, const std::string& other) {
  return "sticky = \"" + rule + "\"\n[[route]]\nbackend = [\"http://a\", \"http://b\"]\n" + one +
         "\n[[route]]\nbackend = [\"http://c\", \"http://d\"]\n" + other + "\n";
}

TEST(SharedCookies, AreReportedForRoutesOfTheSameHost) {
  for (const auto& [one, other] :
       {std::pair("path = \"/a\"", "path = \"/b\""),
        std::pair("host = \"a.test\"\npath = \"/a\"", "host = \"A.test\"\npath = \"/b\""),
        std::pair("host = \"*.a.test\"", "host = [\"b.test\", \"x.a.test\"]"),
        std::pair("host = \"a.test\"", "path = \"/b\"")}) {
    EXPECT_THAT(finding_of(two_routes("cookie:S", one, other)),
                HasSubstr("this route has the same sticky cookie as the route in onehop.toml:2, "
                          "with another list of backends or another key: neither would keep a "
                          "client at its backend; write sticky = \"cookie:NAME\""))
        << one << " " << other;
  }
  EXPECT_THAT(finding_of("backend = [\"http://x\", \"http://y\"]\n" +
                         two_routes("cookie:S", "host = \"a\"", "host = \"b\"")),
              HasSubstr("as the backend at the top, "));
}

TEST(SharedCookies, AreAllowedForDifferentHosts) {
  EXPECT_EQ(finding_of(two_routes("cookie:S", "host = \"a.test\"", "host = \"b.test\"")), "");
  EXPECT_EQ(finding_of(two_routes("cookie:S", "host = \"*.a.test\"", "host = \"a.test\"")), "");
}

TEST(SharedCookies, AreNotSharedWithoutAName) {
  EXPECT_EQ(finding_of(two_routes("cookie", "path = \"/a\"", "path = \"/b\"")), "");
  EXPECT_EQ(finding_of(two_routes("header:S", "path = \"/a\"", "path = \"/b\"")), "");
}

// Routes with the same backends may share a cookie, unless the keys differ.
TEST(SharedCookies, AreAllowedWithinOneUpstream) {
  for (const std::string rule : {"cookie", "cookie:S"}) {
    const std::string text = "[upstream.u]\nbackend = [\"http://a\", \"http://b\"]\nsticky = \"" +
                             rule + "\"\n[[route]]\nupstream = \"u\"\n" +
                             "[[route]]\npath = \"/slow\"\nupstream = \"u\"\n";
    EXPECT_EQ(finding_of(text + "response-timeout = \"1h\"\n"), "");
    EXPECT_THAT(finding_of(text + "sticky-key = \"k\"\n"), HasSubstr("or another key"));
  }
}

}  // namespace
}  // namespace onehop::config
