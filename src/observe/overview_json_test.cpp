// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_json.hpp"

#include <chrono>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace onehop::observe {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

Overview::Time at(std::int64_t ms) {
  return Overview::Time(milliseconds(ms));
}

json parsed(const Overview& overview) {
  return json::parse(overview_json(overview));
}

TEST(OverviewJson, HasEveryPartEvenIfEmpty) {
  const json document = parsed({});
  for (const char* list : {"problems", "upstreams", "requests", "tunnels", "failures",
                           "certificates", "limits", "workers"}) {
    EXPECT_EQ(document.at(list), json::array()) << list;
  }
  EXPECT_EQ(document.at("totals").at("requests"), 0);
  EXPECT_EQ(document.at("state").at("activity"), "serving");
  EXPECT_EQ(document.at("state").at("drain_ends"), nullptr);
}

TEST(OverviewJson, WritesTimesInSeconds) {
  Overview overview;
  overview.time = at(1'764'407'608'123);
  Overview::Request request;
  request.phase = "wait";
  request.age = milliseconds(1500);
  overview.requests.push_back(request);
  const json document = parsed(overview);
  EXPECT_DOUBLE_EQ(document.at("time"), 1'764'407'608.123);
  EXPECT_DOUBLE_EQ(document.at("requests").at(0).at("age"), 1.5);
  EXPECT_EQ(document.at("requests").at(0).at("phase"), "wait");
}

TEST(OverviewJson, OmitsEndpointsWithoutABalancedUpstream) {
  EXPECT_FALSE(parsed({}).contains("balanced"));
}

TEST(OverviewJson, ListsTheEndpointsOfEachUpstream) {
  Overview overview;
  BalancedUpstream& upstream = overview.balanced.emplace_back();
  upstream.upstream = "api";
  upstream.balance = "least";
  upstream.sticky = "cookie";
  upstream.states = {5, 4, 3, 2, 1};
  upstream.left_out = 14;
  BalancedUpstream::Endpoint& endpoint = upstream.endpoints.emplace_back();
  endpoint.endpoint = "http://a:8000@10.0.0.1";
  endpoint.state = onehop::Upstream::State::ejected;
  endpoint.since = at(1'500);
  endpoint.weight = 2.5;
  endpoint.backup = true;
  endpoint.in_flight = 1;
  endpoint.requests = 20;
  endpoint.failures = 3;
  endpoint.ejections = 2;
  endpoint.last_failure = "timed out";
  upstream.endpoints.emplace_back().endpoint = "http://b:8000";
  const json expected = json::parse(R"([{
      "upstream": "api", "balance": "least", "sticky": "cookie",
      "states": {"up": 5, "starting": 4, "ejected": 3, "down": 2, "draining": 1},
      "endpoints": [
        {"endpoint": "http://a:8000@10.0.0.1", "state": "ejected", "since": 1.5, "weight": 2.5,
         "backup": true, "in_flight": 1, "requests": 20, "failures": 3, "ejections": 2,
         "last_failure": "timed out", "last_failure_at": null},
        {"endpoint": "http://b:8000", "state": "up", "since": null, "weight": 1.0,
         "backup": false, "in_flight": 0, "requests": 0, "failures": 0, "ejections": 0,
         "last_failure": "", "last_failure_at": null}],
      "left_out": 14}])");
  EXPECT_EQ(parsed(overview).at("balanced"), expected);
}

TEST(OverviewJson, WritesUnknownQuantilesAsNull) {
  Overview overview;
  Overview::Upstream upstream;
  upstream.upstream = "api";
  upstream.health = Overview::Health::down;
  upstream.wait.p99 = milliseconds(20);
  upstream.reasons = {{"connect_failed", 3}};
  overview.upstreams.push_back(upstream);
  const json row = parsed(overview).at("upstreams").at(0);
  EXPECT_EQ(row.at("connect").at("p50"), nullptr);
  EXPECT_DOUBLE_EQ(row.at("wait").at("p99"), 0.02);
  EXPECT_EQ(row.at("health"), "down");
  EXPECT_EQ(row.at("upstream"), "api");
  EXPECT_EQ(row.at("reasons").at("connect_failed"), 3);
}

// Regression: any user of the machine could read the queries of all clients.
TEST(OverviewJson, LeavesQueriesOutUnlessTheyAreAskedFor) {
  Overview overview;
  overview.requests.resize(2);
  overview.requests[0].query = "?token=secret";
  overview.tunnels.resize(1);
  overview.tunnels[0].query = "?token=secret";
  overview.failures.resize(1);
  overview.failures[0].query = "?token=secret";
  const json hidden = parsed(overview);
  EXPECT_EQ(hidden.dump().find("secret"), std::string::npos);
  EXPECT_EQ(hidden.at("requests").at(0).at("query"), "?");
  EXPECT_EQ(hidden.at("requests").at(1).at("query"), "");
  EXPECT_EQ(hidden.at("requests").at(0).at("phase_age"), nullptr);
  const json shown = json::parse(overview_json(overview, Queries::shown));
  for (const char* list : {"requests", "tunnels", "failures"})
    EXPECT_EQ(shown.at(list).at(0).at("query"), "?token=secret") << list;
}

TEST(OverviewJson, IsOneValidLineForAnyPeerInput) {
  Overview overview;
  Overview::Failure failed;
  failed.host = "a\nb";
  failed.path = "/<script>\xff";
  failed.detail = "\"\\";
  overview.failures.push_back(failed);
  const std::string text = overview_json(overview);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const json row = json::parse(text).at("failures").at(0);
  EXPECT_EQ(row.at("host"), "a\nb");
  EXPECT_EQ(row.at("path"), "/<script>\xef\xbf\xbd");
  EXPECT_EQ(row.at("detail"), "\"\\");
}

}  // namespace
}  // namespace onehop::observe
