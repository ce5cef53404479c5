// SPDX-License-Identifier: Apache-2.0
#include "config/log_settings.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::HasSubstr;

TEST(LogPlace, IsStandardOutputAFileOrSyslog) {
  for (const char* const text : {"stdout", "/var/log/onehop.log", "./access.log", "logs/a",
                                 "syslog", "syslog:/run/x.sock"}) {
    const auto place = LogPlace::parse(text);
    ASSERT_TRUE(place) << text << ": " << place.error();
    EXPECT_EQ(LogPlace::show(*place), text);
  }
  EXPECT_EQ(LogPlace::parse("syslog")->path, "/dev/log");
}

TEST(LogPlace, RejectsABareWord) {
  EXPECT_EQ(LogPlace::parse("sydlog").error(),
            "'sydlog' is not stdout, syslog or a path; did you mean syslog?");
  EXPECT_EQ(LogPlace::parse("access.log").error(),
            "'access.log' is not stdout, syslog or a path; did you mean ./access.log?");
  EXPECT_THAT(LogPlace::parse("").error(), HasSubstr("is not stdout"));
  EXPECT_THAT(LogPlace::parse("/var/log/").error(), HasSubstr("is a directory"));
  EXPECT_THAT(LogPlace::parse("syslog:x").error(), HasSubstr("syslog:/dev/log"));
}

TEST(LogFieldName, MustBeListedInTheTable) {
  EXPECT_EQ(LogFieldName::parse("user_agent").value(), "user_agent");
  EXPECT_EQ(LogFieldName::parse("user-agent").error(),
            "'user-agent' is not a field of the access log; did you mean user_agent?");
  EXPECT_THAT(
      LogFieldName::parse("colour").error(),
      HasSubstr("'colour' is not a field of the access log; the fields are time, client, "));
  EXPECT_EQ(contradiction_in_log_fields({"time", "client"}), "");
  EXPECT_EQ(contradiction_in_log_fields({"time", "client", "time"}),
            "--access-log-fields names 'time' twice");
}

// The error is logged, so it must not contain secrets.
TEST(CollectorUrl, HasNoCredentials) {
  for (const char* const text :
       {"https://user:hush@a.test/v1/traces", "http://hush@a.test", "user:hush@a.test:4318"}) {
    const auto url = CollectorUrl::parse(text);
    ASSERT_FALSE(url) << text;
    const std::string said = url.error().substr(0, url.error().find('\n'));
    EXPECT_EQ(said, "credentials in the URL of a collector are never sent; remove them") << text;
  }
  EXPECT_TRUE(CollectorUrl::parse("http://a.test/x@y?z=@"));
  for (const char* const text : {"ftp://a.test/?key=hush", "a.test?key=hush"}) {
    const auto url = CollectorUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().substr(0, url.error().find('\n')).find("hush"), std::string::npos);
  }
}

}  // namespace
}  // namespace onehop::config
