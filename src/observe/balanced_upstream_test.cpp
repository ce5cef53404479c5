// SPDX-License-Identifier: Apache-2.0
#include "observe/balanced_upstream.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using State = Upstream::State;

Upstream::Status status_of(const std::string& url, State state) {
  Upstream::Status status{.endpoint = Upstream::Endpoint(url)};
  status.state = state;
  return status;
}

std::vector<Upstream::Status> many(int count) {
  std::vector<Upstream::Status> statuses;
  for (int i = 0; i < count; ++i)
    statuses.push_back(status_of("http://h" + std::to_string(i), State::up));
  return statuses;
}

std::vector<BalancedUpstream> made_of(const Endpoints& endpoints) {
  return balanced_upstreams(endpoints, TwoClocks());
}

BalancedUpstream one_of(std::vector<Upstream::Status> statuses) {
  return made_of(Endpoints{{"api", {.balance = "least", .statuses = std::move(statuses)}}}).front();
}

std::vector<std::string> names_of(const BalancedUpstream& upstream) {
  std::vector<std::string> names;
  for (const auto& row : upstream.endpoints)
    names.push_back(row.endpoint);
  return names;
}

TEST(BalancedUpstream, ListsTheStatesOfItsEndpoints) {
  const TwoClocks clocks;
  Upstream::Status status = status_of("http://a:8000", State::ejected);
  status.endpoint.connect_address = "10.0.0.1";
  status.endpoint.weight = 2.5;
  status.endpoint.backup = true;
  status.since = clocks.steady - 7s;
  status.requests = 3;
  status.requests_total = 40;
  status.failures_total = 5;
  status.ejections_total = 1;
  status.last_failure = "connect: refused";
  status.last_failure_at = clocks.steady - 8s;
  const auto all = balanced_upstreams(
      {{"", {.balance = "hash", .sticky = "client", .statuses = {status}}}}, clocks);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].upstream, "default");
  EXPECT_EQ(all[0].balance, "hash");
  EXPECT_EQ(all[0].sticky, "client");
  EXPECT_THAT(all[0].states, ElementsAre(0u, 0u, 1u, 0u, 0u));
  ASSERT_EQ(all[0].endpoints.size(), 1u);
  const BalancedUpstream::Endpoint& row = all[0].endpoints[0];
  EXPECT_EQ(row.endpoint, "http://a:8000@10.0.0.1");
  EXPECT_EQ(row.state, State::ejected);
  EXPECT_EQ(row.since, clocks.wall - 7s);
  EXPECT_EQ(row.weight, 2.5);
  EXPECT_TRUE(row.backup);
  EXPECT_EQ(row.in_flight, 3u);
  EXPECT_EQ(row.requests, 40u);
  EXPECT_EQ(row.failures, 5u);
  EXPECT_EQ(row.ejections, 1u);
  EXPECT_EQ(row.last_failure, "connect: refused");
  EXPECT_EQ(row.last_failure_at, clocks.wall - 8s);
}

TEST(BalancedUpstream, LeavesUnknownTimesEmpty) {
  const BalancedUpstream upstream = one_of({status_of("http://a:1", State::up)});
  EXPECT_EQ(upstream.endpoints[0].since, std::nullopt);
  EXPECT_EQ(upstream.endpoints[0].last_failure_at, std::nullopt);
}

TEST(BalancedUpstream, FaultyOnesComeFirst) {
  EXPECT_THAT(names_of(one_of(
                  {status_of("http://a:1", State::up), status_of("http://b:1", State::draining),
                   status_of("http://c:1", State::down), status_of("http://d:1", State::starting),
                   status_of("http://e:1", State::ejected), status_of("http://f:1", State::up)})),
              ElementsAre("http://c:1", "http://e:1", "http://b:1", "http://a:1", "http://d:1",
                          "http://f:1"));
}

TEST(BalancedUpstream, IsBoundedAndCountsTheRest) {
  auto statuses = many(500);
  statuses.back().state = State::down;
  const BalancedUpstream upstream = one_of(statuses);
  EXPECT_EQ(upstream.endpoints.size(), 100u);
  EXPECT_EQ(upstream.endpoints.front().endpoint, "http://h499");
  EXPECT_EQ(upstream.left_out, 400u);
  EXPECT_EQ(upstream.total(), 500u);
  EXPECT_EQ(upstream.count(State::up), 499u);
}

TEST(BalancedUpstream, ManyUpstreamsShareTheRows) {
  for (const auto& [upstreams, each] : {std::pair(10, 50u), {600, 1u}}) {
    Endpoints endpoints;
    for (int i = 0; i < upstreams; ++i)
      endpoints[std::to_string(i)] = {.balance = "least", .statuses = many(120)};
    for (const BalancedUpstream& upstream : made_of(endpoints)) {
      EXPECT_EQ(upstream.endpoints.size(), each);
      EXPECT_EQ(upstream.left_out, 120u - each);
    }
  }
}

TEST(BalancedUpstream, ReportsAFaultAsAProblem) {
  Upstream::Status refused = status_of("http://b:1", State::ejected);
  refused.last_failure = "Connection refused";
  const Upstream::Status good = status_of("http://a:1", State::up);
  const Upstream::Status down = status_of("http://c:1", State::down);
  const Upstream::Status draining = status_of("http://d:1", State::draining);
  EXPECT_EQ(problem_of(one_of({})), "No endpoint of the upstream api is known.");
  EXPECT_EQ(problem_of(one_of({good, status_of("http://e:1", State::starting)})), "");
  EXPECT_EQ(problem_of(one_of({good, draining})), "") << "it takes itself out of service";
  EXPECT_EQ(problem_of(one_of({good, refused})),
            "1 of 2 endpoints of the upstream api is passed over: http://b:1 is ejected "
            "(Connection refused).");
  EXPECT_EQ(problem_of(one_of({good, down, refused})),
            "2 of 3 endpoints of the upstream api are passed over; the first of them: http://c:1 "
            "is down.");
  EXPECT_EQ(problem_of(one_of({down})),
            "No endpoint of the upstream api is up: http://c:1 is down.");
  EXPECT_EQ(problem_of(one_of({draining})), "No endpoint of the upstream api is up.");
}

}  // namespace
}  // namespace onehop::observe
