// SPDX-License-Identifier: Apache-2.0
#include "acme/times.hpp"

#include <gtest/gtest.h>

namespace onehop::acme {
namespace {

using std::chrono::seconds;

const WallTime kTen{std::chrono::sys_days(std::chrono::year(2026) / 11 / 30) +
                    std::chrono::hours(10)};

TEST(AcmeTimes, ParsesTheFormsOfRfc3339) {
  for (const char* const text :
       {"2026-11-30T10:00:00Z", "2026-11-30t10:00:00z", "2026-11-30T10:00:00.123456Z",
        "2026-11-30T11:30:00+01:30", "2026-11-30T09:00:00-01:00", "2026-11-30 10:00:00Z"}) {
    EXPECT_EQ(parse_rfc3339(text), kTen) << text;
  }
  EXPECT_EQ(to_rfc3339(kTen), "2026-11-30T10:00:00Z");
}

TEST(AcmeTimes, RejectsInvalidTimes) {
  for (const char* const text :
       {"", "2026-11-30", "2026-11-30T10:00:00", "2026-13-30T10:00:00Z", "2026-02-30T10:00:00Z",
        "2026-11-30T24:00:00Z", "2026-11-30T10:60:00Z", "2026-11-30T10:00:00.Z",
        "2026-11-30T10:00:00+1:00", "2026-11-30T10:00:00Zx", "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01", "9999-01-01T00:00:00Z", "-026-11-30T10:00:00Z"}) {
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
  }
}

TEST(AcmeTimes, ParsesRetryAfterInBothForms) {
  EXPECT_EQ(parse_retry_after("120", kTen), seconds(120));
  EXPECT_EQ(parse_retry_after("0", kTen), seconds(0));
  EXPECT_EQ(parse_retry_after("Mon, 30 Nov 2026 10:02:00 GMT", kTen), seconds(120));
  EXPECT_EQ(parse_retry_after("Mon, 30 Nov 2026 09:00:00 GMT", kTen), seconds(0));
}

TEST(AcmeTimes, LimitsRetryAfterToAMonth) {
  EXPECT_EQ(parse_retry_after("99999999999", kTen), seconds(kLongestWait));
  EXPECT_EQ(parse_retry_after("Mon, 30 Nov 2099 10:02:00 GMT", kTen), seconds(kLongestWait));
  for (const char* const text : {"", "-1", "soon", "1.5", "99999999999999999999999",
                                 "Mon, 30 Nov 2026 10:02:00", "Mon, 30 Foo 2026 10:02:00 GMT"}) {
    EXPECT_EQ(parse_retry_after(text, kTen), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace onehop::acme
