// SPDX-License-Identifier: Apache-2.0
#include "program/log.hpp"

#include <cerrno>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::program {
namespace {

using ::testing::HasSubstr;

Exchange refused_by_upstream() {
  Exchange exchange;
  exchange.target = "/x";
  exchange.peer = "10.0.0.7";
  exchange.status = 502;
  exchange.upstream = "127.0.0.1:8000";
  exchange.attempts = 1;
  exchange.failure = Error::system(ECONNREFUSED, Side::upstream).during(Phase::connect);
  return exchange;
}

std::string logged(const Exchange& exchange, bool verbose = false) {
  ::testing::internal::CaptureStderr();
  {
    Log log(verbose);
    log.record_failure(exchange);
  }
  return ::testing::internal::GetCapturedStderr();
}

TEST(Log, NamesPeerUpstreamErrnoPhaseAndAttempt) {
  const std::string line = logged(refused_by_upstream());
  for (const char* part : {"warning", "10.0.0.7", "\"GET /x\"", "502", "127.0.0.1:8000",
                           "Connection refused", "connect", "attempt 1"}) {
    EXPECT_THAT(line, HasSubstr(part));
  }
}

// What a hook throws may quote what a client or a backend has sent.
TEST(Log, AnExchangeIsOneLineWhateverItsFailureSays) {
  Exchange exchange = refused_by_upstream();
  exchange.failure = Error(Errc::handler_failed, Side::local, "no \"a\\b\"\r\nforged \x1b[31m\x7f");
  const std::string line = logged(exchange);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_THAT(line, HasSubstr(R"((no "a\b"\x0d\x0aforged \x1b[31m\x7f))"));
}

TEST(Log, SaysNothingOfWhatWentWell) {
  Exchange exchange = refused_by_upstream();
  exchange.failure.reset();
  EXPECT_EQ(logged(exchange, true), "");
}

TEST(Log, AClientThatLeftIsNoFaultOfTheUpstream) {
  Exchange exchange = refused_by_upstream();
  exchange.outcome = Outcome::client_gone;
  EXPECT_EQ(level_of_failure(exchange), LogLevel::info);
  EXPECT_EQ(logged(exchange), "");
  EXPECT_THAT(logged(exchange, true), HasSubstr("info"));
}

TEST(Log, WhatIsTurnedAwayForTheMemoryIsNotSaidEachTime) {
  Exchange exchange = refused_by_upstream();
  exchange.failure = Error(Errc::overloaded, Side::local);
  EXPECT_EQ(level_of_failure(exchange), LogLevel::info);
}

TEST(Log, OurOwnFaultIsAnError) {
  Exchange exchange = refused_by_upstream();
  exchange.failure = Error(Errc::handler_failed, Side::local);
  EXPECT_EQ(level_of_failure(exchange), LogLevel::error);
}

TEST(Log, AnExchangeCutByAStopIsAWarning) {
  Exchange exchange = refused_by_upstream();
  exchange.outcome = Outcome::aborted;
  exchange.failure = Error(Errc::cancelled, Side::local, "cut when the server stopped");
  EXPECT_EQ(level_of_failure(exchange), LogLevel::warning);
  EXPECT_THAT(logged(exchange), HasSubstr("cut when the server stopped"));
}

}  // namespace
}  // namespace onehop::program
