// SPDX-License-Identifier: Apache-2.0
#include "server/log_text.hpp"

#include "server/exchange_log.hpp"

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

std::string value_of(std::string_view text) {
  std::string line;
  append_log_value(line, text);
  return line;
}

TEST(LogValue, IsNotQuotedIfUnambiguous) {
  EXPECT_EQ(value_of("a.example:8080"), "a.example:8080");
  EXPECT_EQ(value_of("[2001:db8::1]:80"), "[2001:db8::1]:80");
  EXPECT_EQ(value_of("Az09-._~:/[]@%+"), "Az09-._~:/[]@%+");
}

TEST(LogValue, CannotBeMistakenForAnotherPair) {
  EXPECT_EQ(value_of("a.test upstream=10.9.9.9:80"), R"("a.test upstream=10.9.9.9:80")");
  EXPECT_EQ(value_of("a=b"), R"("a=b")");
  EXPECT_EQ(value_of(R"(a" outcome="complete)"), R"("a\x22 outcome=\x22complete")");
  EXPECT_EQ(value_of("a\nb\\\xff"), R"("a\x0ab\x5c\xff")");
}

TEST(LogValue, DistinguishesAHyphenFromAnEmptyValue) {
  EXPECT_EQ(value_of(""), "-");
  EXPECT_EQ(value_of("-"), R"("-")");
}

TEST(LogLine, IsOneLineInUtc) {
  const WallTime now =
      std::chrono::system_clock::from_time_t(1'000'000'000) + std::chrono::milliseconds(7);
  std::string line;
  append_log_line(line, LogLevel::warning, "cannot read /tmp/\xc3\xbc\n2001 error forged", now);
  EXPECT_EQ(line,
            "2001-09-09T01:46:40.007Z warning cannot read /tmp/\xc3\xbc\\x0a2001 error forged\n");
}

TEST(FailureLine, EscapesARefusedTarget) {
  ExchangeRecord exchange;
  exchange.target = "/a b\" 200";
  exchange.client = exchange.peer = "10.0.0.7";
  exchange.status = 400;
  EXPECT_EQ(describe_failure(exchange),
            R"(client=10.0.0.7 request="GET /a\x20b\x22\x20200 HTTP/1.1" status=400)"
            " upstream=- attempts=0");
}

}  // namespace
}  // namespace onehop::server
