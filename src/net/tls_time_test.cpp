// SPDX-License-Identifier: Apache-2.0
#include "net/tls_time.hpp"

#include <memory>
#include <string_view>

#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using std::chrono::sys_days;
using std::chrono::year;
using namespace std::chrono_literals;

std::chrono::system_clock::time_point read(const char* text) {
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> time(ASN1_TIME_new(),
                                                                   &ASN1_TIME_free);
  EXPECT_EQ(ASN1_TIME_set_string(time.get(), text), 1) << text;
  return time_of(time.get());
}

TEST(TlsTime, ParsesTheTimesOfACertificate) {
  EXPECT_EQ(read("261130170233Z"), sys_days(year(2026) / 11 / 30) + 17h + 2min + 33s);
  EXPECT_EQ(read("20500101000000Z"), sys_days(year(2050) / 1 / 1));
}

// RFC 5280 §4.1.2.5: 99991231235959Z is for certificates that do not expire.
TEST(TlsTime, ClampsTimesOutOfRange) {
  const auto first = read("00010101000000Z");
  const auto last = read("99991231235959Z");
  EXPECT_EQ(first, sys_days(year(1970) / 1 / 1));
  EXPECT_EQ(last, sys_days(year(2200) / 1 / 1));
  EXPECT_GT(last - first, 24h * 365 * 200);
}

}  // namespace
}  // namespace onehop::net
