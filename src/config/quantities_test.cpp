// SPDX-License-Identifier: Apache-2.0
#include "config/quantities.hpp"

#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Quantities, ReadsDurationsWithTheirUnit) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("15s"), seconds(15));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_duration("5m"), minutes(5));
  EXPECT_EQ(parse_duration("2h"), minutes(120));
  EXPECT_EQ(parse_duration("0s"), seconds(0));
}

TEST(Quantities, RejectsABareDurationAndSuggestsAUnit) {
  EXPECT_EQ(parse_duration("15").error(), "'15' has no unit; did you mean 15s?");
  EXPECT_EQ(parse_duration("5000").error(), "'5000' has no unit; did you mean 5000ms?");
}

TEST(Quantities, SuggestsTheSpellingOfADuration) {
  for (const auto& [typed, meant] : {std::pair{"1h30m", "90m"},
                                     {"1h 30m", "90m"},
                                     {"1m1s", "61s"},
                                     {"1 s", "1s"},
                                     {"10sec", "10s"},
                                     {"5 minutes", "5m"},
                                     {"5M", "5m"},
                                     {"2d", "48h"},
                                     {"1.5S", "1.5s"}}) {
    EXPECT_EQ(parse_duration(typed).error(),
              "'" + std::string(typed) + "' is not a number and a unit of time; did you mean " +
                  meant + "?");
  }
  for (const auto& [typed, meant] : {std::pair{"10M", "10MiB"},
                                     {"10m", "10MiB"},
                                     {"1K", "1KiB"},
                                     {"10mb", "10MB"},
                                     {"1 kib", "1KiB"},
                                     {"2T", "2048GiB"},
                                     {"1TB", "1000GB"},
                                     {"1.5tb", "1500GB"},
                                     {"1.5g", "1.5GiB"},
                                     {"100 bytes", "100B"}}) {
    EXPECT_EQ(parse_size(typed).error(), "'" + std::string(typed) +
                                             "' is not a number and a unit of size; did you mean " +
                                             meant + "?");
  }
  for (const auto& [typed, meant] :
       {std::pair{"10k", "10000"}, {"10,000", "10000"}, {"10_000", "10000"}, {"1M", "1000000"}}) {
    EXPECT_EQ(parse_count(typed).error(),
              "'" + std::string(typed) + "' is not a whole number; did you mean " + meant + "?");
  }
}

TEST(Quantities, ReportsValuesTooLargeForAnyFlag) {
  EXPECT_EQ(parse_size("99999999999GiB").error(), "'99999999999GiB' is too large");
  EXPECT_EQ(parse_size("99999999999GB").error(), "'99999999999GB' is too large");
  EXPECT_EQ(parse_duration("99999999999h").error(), "'99999999999h' is too large");
}

// Every suggestion is a valid value.
TEST(Quantities, SuggestsOnlyValidValues) {
  for (const char* const typed : {"9999999999h", "9999999999d", "1e3s", "1h30", "1hs", "h"}) {
    EXPECT_EQ(parse_duration(typed).error().find("did you mean"), std::string::npos) << typed;
  }
  for (const std::string& digits : {std::string(40, '5'), std::string("120")}) {
    EXPECT_EQ(parse_share(digits).error().find("did you mean"), std::string::npos) << digits;
  }
  EXPECT_EQ(parse_duration(std::string(40, '5')).error().find("did you mean"), std::string::npos);
  EXPECT_EQ(parse_size(std::string(40, '5')).error().find("did you mean"), std::string::npos);
  EXPECT_EQ(parse_size("99999999999T").error().find("did you mean"), std::string::npos);
}

TEST(Quantities, RecognisesZeroWithAnyUnit) {
  for (const char* const text : {"0", "0s", "0.0KiB", "00", "0x"})
    EXPECT_TRUE(is_zero(text)) << text;
  for (const char* const text : {"", "1", "0.1s", "s", "-0"})
    EXPECT_FALSE(is_zero(text)) << text;
}

TEST(Quantities, RejectsInvalidDurations) {
  for (const char* text : {"", "s", "-1s", "1 s", "1s ", "1x", "1S", "infs", "nans", "1e3s",
                           "9999999999h", "0x10s", "+1s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Quantities, ReadsSizesWithTheirUnit) {
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("1MiB"), 1048576U);
  EXPECT_EQ(parse_size("1.5KiB"), 1536U);
  EXPECT_EQ(parse_size("3GiB"), 3221225472U);
  EXPECT_EQ(parse_size("12B"), 12U);
  EXPECT_EQ(parse_size("1kB"), 1000U);
  EXPECT_EQ(parse_size("2MB"), 2000000U);
}

TEST(Quantities, RejectsABareSizeAndSuggestsAUnit) {
  EXPECT_EQ(parse_size("65536").error(), "'65536' has no unit; did you mean 64KiB?");
  EXPECT_EQ(parse_size("64").error(), "'64' has no unit; did you mean 64KiB?");
  EXPECT_EQ(parse_size("1000000").error(), "'1000000' has no unit; did you mean 1000000B?");
}

TEST(Quantities, RejectsInvalidSizes) {
  for (const char* text : {"", "KiB", "-1B", "1K", "1kib", "99999999999GiB"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Quantities, ReadsSharesAsPercent) {
  EXPECT_DOUBLE_EQ(parse_share("20%").value(), 0.2);
  EXPECT_DOUBLE_EQ(parse_share("100%").value(), 1.0);
  EXPECT_EQ(parse_share("20").error(), "'20' has no unit; did you mean 20%?");
  EXPECT_EQ(parse_share("0.2").error(), "'0.2' has no unit; did you mean 20%?");
  EXPECT_FALSE(parse_share("101%"));
  EXPECT_FALSE(parse_share("%"));
}

TEST(Quantities, ReadsCounts) {
  EXPECT_EQ(parse_count("512"), 512U);
  EXPECT_EQ(parse_count("0"), 0U);
  for (const char* text : {"", "-1", "1k", "1.5", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_count(text)) << text;
  }
}

TEST(Quantities, AreShownInTheLargestUnitThatDivides) {
  EXPECT_EQ(format_duration(seconds(75)), "75s");
  EXPECT_EQ(format_duration(minutes(5)), "5m");
  EXPECT_EQ(format_duration(milliseconds(500)), "500ms");
  EXPECT_EQ(format_duration(seconds(0)), "0s");
  EXPECT_EQ(format_duration(std::chrono::microseconds(250)), "0.25ms");
  EXPECT_EQ(format_duration(std::chrono::nanoseconds(1)), "0.000001ms");
  EXPECT_EQ(format_size(65536), "64KiB");
  EXPECT_EQ(format_size(1000000), "1000000B");
  EXPECT_EQ(format_size(0), "0B");
  EXPECT_EQ(format_share(0.2), "20%");
  EXPECT_EQ(format_share(0.07), "7%");
  EXPECT_EQ(format_share(parse_share("0.4%").value()), "0.4%");
}

// A reload would not see a difference between two values with the same text.
TEST(Quantities, SharesRoundTrip) {
  for (const char* const text :
       {"0%", "0.1%", "0.4%", "7%", "12.5%", "33.333333333333336%", "99.99999999999999%", "100%",
        "0.000000000000000000000123%", "28.999999999999996%", "0.30000000000000004%", "57%"}) {
    const double share = parse_share(text).value();
    EXPECT_EQ(parse_share(format_share(share)), share) << text << ": " << format_share(share);
  }
  for (int i = 0; i <= 100'000; ++i) {
    const double share = parse_share(std::to_string(i / 1000) + "." +
                                     std::to_string(1000 + i % 1000).substr(1) + "%")
                             .value();
    ASSERT_EQ(parse_share(format_share(share)), share) << i;
  }
  for (const char* const text : {"0s", "0.3ms", "0.000001ms", "1.5s", "0.0001s", "1.23456789s",
                                 "0.33333h", "7ms", "61s", "87600h", "87599.999999999h"}) {
    const auto time = parse_duration(text).value();
    EXPECT_EQ(parse_duration(format_duration(time)), time) << text << ": " << format_duration(time);
  }
  const std::chrono::nanoseconds odd(315'359'999'999'999'999);  // not representable as a double
  EXPECT_EQ(parse_duration(format_duration(odd)), odd);
  for (const std::uint64_t size :
       {0UL, 1UL, 1023UL, 1025UL, 9'007'199'254'740'993UL, (1UL << 60U) - 1, 3UL << 30U}) {
    EXPECT_EQ(parse_size(format_size(size)), size);
  }
}

}  // namespace
}  // namespace onehop::config
