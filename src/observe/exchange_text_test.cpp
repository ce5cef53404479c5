// SPDX-License-Identifier: Apache-2.0
#include "observe/exchange_text.hpp"

#include "support/sample_exchange.hpp"

#include <cerrno>
#include <cstdio>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace onehop::observe {
namespace {

using test::kNow;

using std::chrono::microseconds;
using test::sample_exchange;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::string text_of(const ExchangeRecord& exchange) {
  std::string line;
  append_text_line(line, exchange, kNow);
  return line;
}

nlohmann::json json_of(const ExchangeRecord& exchange) {
  std::string line;
  append_json_line(line, exchange, kNow);
  EXPECT_THAT(line, EndsWith("}\n"));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  return nlohmann::json::parse(line);
}

TEST(TextLine, ExtendsTheCombinedFormat) {
  const std::string line = text_of(sample_exchange());
  EXPECT_THAT(line, ::testing::StartsWith("10.0.0.7 - - ["));
  EXPECT_THAT(line, EndsWith("] \"GET /x?y=1 HTTP/1.1\" 200 37 \"-\" \"curl/8\" host=a.example "
                             "upstream=127.0.0.1:8000 attempts=1 reused=yes total=12.345 "
                             "head=0.010 connect=0.010 send=0.030 wait=1.000 receive=11.295 "
                             "outcome=complete\n"));
}

// Including DEL, which moves the cursor of some terminals.
TEST(TextLine, EscapesEveryByteThatIsNotVisible) {
  for (int value = 0; value < 256; ++value) {
    const char byte = static_cast<char>(value);
    const std::string agent = std::string("a") + byte + "b";
    ExchangeRecord exchange = sample_exchange();
    exchange.user_agent = agent;
    const bool is_plain = value >= 0x20 && value < 0x7f && byte != '"' && byte != '\\';
    char hex[8];
    std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned>(value));
    const std::string shown = is_plain ? std::string(1, byte) : std::string(hex);
    EXPECT_THAT(text_of(exchange), HasSubstr(" \"a" + shown + "b\" ")) << value;
  }
}

TEST(TextLine, BeginsWithTheClientAndAlsoNamesATrustedPeer) {
  ExchangeRecord exchange = sample_exchange();
  exchange.client = "2001:db8::9";
  const std::string line = text_of(exchange);
  EXPECT_THAT(line, ::testing::StartsWith("2001:db8::9 - - ["));
  EXPECT_THAT(line, HasSubstr(" host=a.example peer=10.0.0.7 upstream="));
  EXPECT_THAT(text_of(sample_exchange()), ::testing::Not(HasSubstr("peer=")));
}

TEST(TextLine, OmitsPhasesThatDidNotHappenAndReportsWhy) {
  ExchangeRecord exchange = sample_exchange();
  exchange.status = 502;
  exchange.upstream = {};
  exchange.reused = false;
  exchange.upstream_chosen = exchange.request_sent = exchange.response_began = {};
  exchange.failure = Error::system(ECONNREFUSED, Side::upstream).during(Phase::connect);
  const std::string line = text_of(exchange);
  EXPECT_THAT(line, HasSubstr("upstream=- attempts=1 reused=no total=12.345 head=0.010 outcome="));
  EXPECT_THAT(line, EndsWith(" failure=\"upstream connect: Connection refused\"\n"));
}

TEST(TextLine, CannotBeForged) {
  ExchangeRecord exchange = sample_exchange();
  exchange.user_agent = "a\" 200\n10.0.0.1 \\ \xc3\xa9";
  const std::string line = text_of(exchange);
  EXPECT_THAT(line, HasSubstr("\"a\\x22 200\\x0a10.0.0.1 \\x5c \\xc3\\xa9\""));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(TextLine, HasADashForAMalformedRequest) {
  ExchangeRecord exchange;
  exchange.status = 400;
  EXPECT_THAT(text_of(exchange), HasSubstr("] \"-\" 400 0 "));
}

TEST(TextLine, ADisconnectedClientIs499) {
  ExchangeRecord exchange = sample_exchange();
  exchange.outcome = Outcome::client_gone;
  EXPECT_THAT(text_of(exchange), HasSubstr("\" 499 37 "));
}

TEST(JsonLine, IsOneObject) {
  const nlohmann::json line = json_of(sample_exchange());
  EXPECT_EQ(line["time"], "2001-09-09T01:46:40.007Z");
  EXPECT_EQ(line["client"], "10.0.0.7");
  EXPECT_EQ(line["peer"], "10.0.0.7");
  EXPECT_EQ(line["method"], "GET");
  EXPECT_EQ(line["target"], "/x?y=1");
  EXPECT_EQ(line["version"], "HTTP/1.1");
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["outcome"], "complete");
  EXPECT_EQ(line["response_body"], 37);
  EXPECT_EQ(line["upstream"], "127.0.0.1:8000");
  EXPECT_EQ(line["attempts"], 1);
  EXPECT_EQ(line["reused"], true);
  EXPECT_EQ(line["referer"], nullptr);
  EXPECT_DOUBLE_EQ(line["ms"]["wait"].get<double>(), 1.0);
  EXPECT_DOUBLE_EQ(line["ms"]["total"].get<double>(), 12.345);
  EXPECT_EQ(line["failure"], nullptr);
}

TEST(JsonLine, HasClientAndPeer) {
  ExchangeRecord exchange = sample_exchange();
  exchange.client = "203.0.113.9";
  EXPECT_EQ(json_of(exchange)["client"], "203.0.113.9");
  EXPECT_EQ(json_of(exchange)["peer"], "10.0.0.7");
}

TEST(JsonLine, NamesSidePhaseAndReasonOfAFailure) {
  ExchangeRecord exchange = sample_exchange();
  exchange.response_began = {};
  exchange.failure =
      Error::system(ECONNREFUSED, Side::upstream).during(Phase::connect).with("to \"a\"");
  const nlohmann::json line = json_of(exchange);
  EXPECT_EQ(line["failure"]["side"], "upstream");
  EXPECT_EQ(line["failure"]["phase"], "connect");
  EXPECT_EQ(line["failure"]["reason"], "Connection refused (to \"a\")");
  EXPECT_EQ(line["ms"]["wait"], nullptr);
  EXPECT_EQ(line["ms"]["receive"], nullptr);
}

TEST(JsonLine, IsValidForAnyClientInput) {
  ExchangeRecord exchange = sample_exchange();
  exchange.user_agent = std::string_view("\x00\x1f\"\\\x7f\xff\xc3\xa9\xed\xa0\x80", 11);
  EXPECT_EQ(json_of(exchange)["user_agent"],
            std::string("\x00\x1f\"\\\x7f", 5) +
                "\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(JsonLine, AResponseThatOvertakesItsRequestHasAWaitOfZero) {
  ExchangeRecord exchange = sample_exchange();
  exchange.response_began = exchange.request_sent - microseconds(5);
  EXPECT_DOUBLE_EQ(json_of(exchange)["ms"]["wait"].get<double>(), 0.0);
}

}  // namespace
}  // namespace onehop::observe
