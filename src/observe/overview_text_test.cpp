// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_text.hpp"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Overview with_a_request(std::string path) {
  Overview overview;
  Overview::Request request;
  request.method = "GET";
  request.host = "a.example";
  request.path = std::move(path);
  request.query = "?token=secret";
  request.phase = "wait";
  request.age = std::chrono::seconds(5);
  request.phase_age = std::chrono::seconds(4);
  request.client = "192.0.2.7";
  request.protocol = "HTTP/1.1";
  request.route = "a.example/*";
  overview.requests.push_back(request);
  overview.totals.requests_in_flight = 1;
  return overview;
}

TEST(OverviewText, AlignsTheColumns) {
  EXPECT_EQ(
      requests_text(with_a_request("/")),
      "In flight: 1\n"
      "    Age  Phase         Request           Client     Route        Upstream   In  Out  "
      "Protocol\n"
      "  5.0 s  wait (4.0 s)  GET a.example/?\xe2\x80\xa6  192.0.2.7  a.example/*  \xe2\x80\x93  "
      "       0 B  0 B  HTTP/1.1\n"
      "\nTunnels: 0\n  No tunnel is open.\n");
}

TEST(OverviewText, ReportsWhatNeedsAttention) {
  Overview overview;
  overview.problems.push_back({.is_urgent = true, .text = "all is lost"});
  EXPECT_THAT(overview_text(overview),
              StartsWith("onehop: Needs attention\n  URGENT: all is lost\n"));
  EXPECT_THAT(overview_text({}), StartsWith("onehop: Serving\n  Version"));
}

TEST(OverviewText, ListsTheEndpointsOfEachUpstreamBriefly) {
  Overview overview;
  overview.time = Overview::Time(std::chrono::seconds(100));
  EXPECT_THAT(overview_text(overview), Not(HasSubstr("Endpoints of")));
  BalancedUpstream& upstream = overview.balanced.emplace_back();
  upstream.upstream = "api";
  upstream.balance = "least";
  upstream.states = {29, 0, 1, 0, 0};
  for (int i = 0; i < 30; ++i)
    upstream.endpoints.emplace_back().endpoint = "http://h" + std::to_string(i);
  upstream.endpoints[0].state = onehop::Upstream::State::ejected;
  upstream.endpoints[0].since = overview.time - std::chrono::seconds(9);
  upstream.endpoints[0].last_failure = "timed out";
  const std::string text = overview_text(overview);
  EXPECT_THAT(
      text,
      HasSubstr("\n\nEndpoints of api: least; 30 endpoints: 29 up, 1 ejected; 10 not listed\n"
                "  Endpoint    State          Weight  In flight  Requests  Failures  Last failure\n"
                "  http://h0   ejected (9 s)  1               0         0  0         timed out\n"
                "  http://h1   up             1               0         0  0         "));
  EXPECT_THAT(text, HasSubstr("  http://h19 "));
  EXPECT_THAT(text, Not(HasSubstr("http://h20")));
}

TEST(OverviewText, LetsNoControlCharacterReachATerminal) {
  const std::string text = overview_text(with_a_request("/\x1b[2J\r\n\xe2\x80\xae"));
  EXPECT_THAT(text, HasSubstr("GET a.example/\\u001b[2J\\u000d\\u000a\\u202e?"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace onehop::observe
