// SPDX-License-Identifier: Apache-2.0
#include "observe/log.hpp"

#include <cerrno>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;

ExchangeRecord refused_by_upstream() {
  ExchangeRecord exchange;
  exchange.target = "/x";
  exchange.client = exchange.peer = "10.0.0.7";
  exchange.status = 502;
  exchange.upstream = "127.0.0.1:8000";
  exchange.attempts = 1;
  exchange.failure = Error::system(ECONNREFUSED, Side::upstream).during(Phase::connect);
  return exchange;
}

std::string logged(const ExchangeRecord& exchange, bool verbose = false) {
  ::testing::internal::CaptureStderr();
  {
    Log log(verbose);
    log.record_failure(exchange);
  }
  return ::testing::internal::GetCapturedStderr();
}

TEST(Log, NamesPeerUpstreamErrnoPhaseAndAttempt) {
  const std::string line = logged(refused_by_upstream());
  EXPECT_THAT(line, EndsWith("Z warning client=10.0.0.7 request=\"GET /x HTTP/1.1\" status=502 "
                             "failure=\"upstream connect: Connection refused\" "
                             "upstream=127.0.0.1:8000 attempts=1\n"));
}

TEST(Log, ALineBeginsWithTheTimeInUtc) {
  EXPECT_THAT(logged(refused_by_upstream()),
              ContainsRegex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "
                            "warning client="));
}

// A hook's exception may quote text from a client or backend.
TEST(Log, WritesAnExchangeOnOneLineWhateverItsFailure) {
  ExchangeRecord exchange = refused_by_upstream();
  exchange.target = "/\" status=200 \\";
  exchange.failure = Error(Errc::handler_failed, Side::local, "no \"a\\b\"\r\nforged \x1b[31m\x7f");
  const std::string line = logged(exchange);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_THAT(line, HasSubstr(R"(request="GET /\x22\x20status=200\x20\x5c HTTP/1.1" status=502)"));
  EXPECT_THAT(line, HasSubstr(R"((no \x22a\x5cb\x22\x0d\x0aforged \x1b[31m\x7f))"));
}

TEST(Log, AnnouncesAtEveryLevel) {
  ::testing::internal::CaptureStderr();
  {
    Log log(false);
    log.write(LogLevel::info, "seen with -v only");
    log.announce("serving");
  }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), EndsWith("Z info serving\n"));
}

TEST(Log, AppliesAnotherLevelAtOnce) {
  ::testing::internal::CaptureStderr();
  {
    Log log(false);
    log.write(LogLevel::info, "one");
    log.set_level(LogLevel::info);
    log.write(LogLevel::info, "two");
    log.write(LogLevel::debug, "three");
    log.set_level(LogLevel::error);
    log.write(LogLevel::warning, "four");
    log.write(LogLevel::error, "five");
    EXPECT_EQ(log.level(), LogLevel::error);
  }
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, ContainsRegex("^[^\n]* info two\n[^\n]* error five\n$"));
}

TEST(Log, DoesNotLogSuccessfulExchanges) {
  ExchangeRecord exchange = refused_by_upstream();
  exchange.failure.reset();
  EXPECT_EQ(logged(exchange, true), "");
}

TEST(Log, ADisconnectedClientIsNotAnUpstreamFault) {
  ExchangeRecord exchange = refused_by_upstream();
  exchange.outcome = Outcome::client_gone;
  EXPECT_EQ(level_of_failure(exchange), LogLevel::info);
  EXPECT_EQ(logged(exchange), "");
  EXPECT_THAT(logged(exchange, true), HasSubstr("info"));
}

TEST(Log, LogsRequestsRefusedForMemoryAtInfo) {
  ExchangeRecord exchange = refused_by_upstream();
  exchange.failure = Error(Errc::overloaded, Side::local);
  EXPECT_EQ(level_of_failure(exchange), LogLevel::info);
}

TEST(Log, OurOwnFaultIsAnError) {
  ExchangeRecord exchange = refused_by_upstream();
  exchange.failure = Error(Errc::handler_failed, Side::local);
  EXPECT_EQ(level_of_failure(exchange), LogLevel::error);
}

TEST(Log, AnExchangeCutByAStopIsAWarning) {
  ExchangeRecord exchange = refused_by_upstream();
  exchange.outcome = Outcome::aborted;
  exchange.failure = Error(Errc::cancelled, Side::local, "cut when the server stopped");
  EXPECT_EQ(level_of_failure(exchange), LogLevel::warning);
  EXPECT_THAT(logged(exchange), HasSubstr("cut when the server stopped"));
}

}  // namespace
}  // namespace onehop::observe
