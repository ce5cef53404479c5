// SPDX-License-Identifier: Apache-2.0
#include "config/upstream_kinds.hpp"

#include "config/setting_kinds.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::HasSubstr;

TEST(BackendUrl, RoundTrips) {
  for (const std::string text :
       {"http://a.test:81/x", "http://a.test weight=0", "http://a.test weight=0.001",
        "http://a.test weight=0.0012345678901234567", "http://a.test weight=999999.99999999988",
        "http://a.test weight=2.5 backup", "unix:/run/a.sock backup", "srv://_http._tcp.a.test"}) {
    const auto read = BackendUrl::parse(text);
    ASSERT_TRUE(read) << text << read.error();
    const auto again = BackendUrl::parse(BackendUrl::write(*read));
    ASSERT_TRUE(again) << BackendUrl::write(*read);
    EXPECT_EQ(*again, *read) << text;
  }
  EXPECT_EQ(BackendUrl::write(BackendUrl::parse("http://a weight=-0").value()),
            "http://a weight=0");
}

TEST(BackendUrl, HasOneWeightWithinBounds) {
  const std::string tiny = "http://a weight=0." + std::string(40, '0') + "1";
  for (const std::string& text :
       {tiny, std::string("http://a weight=1000001"), std::string("http://a weight=-1"),
        std::string("http://a weight=nan"), std::string("http://a weight="),
        std::string("http://a weight=1 weight=2")}) {
    EXPECT_THAT(BackendUrl::parse(text).error(), HasSubstr("one weight=NUMBER")) << text;
  }
  EXPECT_THAT(BackendUrl::parse("srv://_http._tcp.a weight=2").error(),
              HasSubstr("weights and backups from its DNS records"));
}

TEST(WordChoices, AreListedInTheOrderOfTheHelp) {
  EXPECT_EQ(BalanceWord::parse("rand0m").error(),
            "'rand0m' is not one of least, round-robin, random and first; did you mean random?");
  EXPECT_EQ(LogFormat::parse("xml").error(), "'xml' is not one of text, json and off");
  EXPECT_EQ(StickyRule::parse("x").error(),
            "'x' is not one of off, cookie, client and header:NAME");
}

TEST(HostName, MayHaveAPort) {
  EXPECT_EQ(HostName::parse("a.test:81").value(), "a.test:81");
  EXPECT_THAT(HostName::parse("http://a.test").error(), HasSubstr("a Host has no scheme"));
}

}  // namespace
}  // namespace onehop::config
