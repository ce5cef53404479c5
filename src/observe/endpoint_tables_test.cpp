// SPDX-License-Identifier: Apache-2.0
#include "observe/endpoint_tables.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using State = onehop::Upstream::State;

BalancedUpstream upstream_of(std::vector<BalancedUpstream::Endpoint> endpoints) {
  BalancedUpstream upstream;
  upstream.upstream = "api";
  upstream.balance = "least";
  for (const auto& row : endpoints)
    ++upstream.states[static_cast<std::size_t>(row.state)];
  upstream.endpoints = std::move(endpoints);
  return upstream;
}

OverviewTable table_of(BalancedUpstream upstream, std::size_t max_rows = 100) {
  Overview overview;
  overview.time = Overview::Time(1000s);
  overview.balanced.push_back(std::move(upstream));
  return endpoint_tables(overview, max_rows).front();
}

std::vector<std::string> texts_of(const std::vector<OverviewCell>& row) {
  std::vector<std::string> texts;
  for (const OverviewCell& cell : row)
    texts.push_back(cell.text + "|" + cell.second);
  return texts;
}

TEST(EndpointTables, ShowTheStateOfEachEndpoint) {
  BalancedUpstream::Endpoint ejected{.endpoint = "http://a:1"};
  ejected.state = State::ejected;
  ejected.since = Overview::Time(930s);
  ejected.weight = 2.5;
  ejected.backup = true;
  ejected.in_flight = 7;
  ejected.requests = 12345;
  ejected.failures = 5;
  ejected.ejections = 1;
  ejected.last_failure = "connect: refused";
  ejected.last_failure_at = Overview::Time(995s);
  const OverviewTable table = table_of(upstream_of({ejected, {.endpoint = "http://b:1"}}));
  EXPECT_EQ(table.title, "Endpoints of api");
  EXPECT_EQ(table.note, "least; 2 endpoints: 1 up, 1 ejected");
  EXPECT_THAT(texts_of(table.rows.at(0)),
              ElementsAre("http://a:1|", "ejected|1 m 10 s", "2.5|backup", "7|", "12,345|",
                          "5|1 ejection", "connect: refused|5 s ago"));
  EXPECT_THAT(texts_of(table.rows.at(1)),
              ElementsAre("http://b:1|", "up|", "1|", "0|", "0|", "0|", "\xe2\x80\x93|"));
}

TEST(EndpointTables, ShowAStateWithAWordAToneAndAMark) {
  const std::vector<std::pair<State, Tone>> tones = {{State::up, Tone::ok},
                                                     {State::starting, Tone::ok},
                                                     {State::ejected, Tone::bad},
                                                     {State::down, Tone::bad},
                                                     {State::draining, Tone::warn}};
  for (const auto& [state, tone] : tones) {
    BalancedUpstream::Endpoint row;
    row.state = state;
    const OverviewCell cell = table_of(upstream_of({row})).rows.at(0).at(1);
    EXPECT_EQ(cell.text, to_string(state));
    EXPECT_EQ(cell.tone, tone) << cell.text;
    EXPECT_TRUE(cell.is_health);
  }
}

TEST(EndpointTables, AreTruncatedAndCountTheRest) {
  BalancedUpstream upstream =
      upstream_of({{.endpoint = "a"}, {.endpoint = "b"}, {.endpoint = "c"}});
  upstream.states[0] = 1003;
  upstream.left_out = 1000;
  const OverviewTable table = table_of(upstream, 1);
  EXPECT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.note, "least; 1,003 endpoints: 1,003 up; 1,002 not listed");
}

TEST(EndpointTables, NoteHowEndpointsAreChosen) {
  BalancedUpstream upstream = upstream_of({});
  upstream.balance = "round-robin";
  upstream.sticky = "cookie:where";
  EXPECT_EQ(table_of(upstream).note, "round-robin, sticky cookie:where; 0 endpoints");
}

TEST(EndpointTables, ShowNoControlCharacters) {
  BalancedUpstream upstream =
      upstream_of({{.endpoint = "http://\xe2\x80\xae", .last_failure = "\x1b[2J"}});
  upstream.upstream = "a\x1b[2J";
  upstream.sticky = "header:\x1b";
  const OverviewTable table = table_of(upstream);
  EXPECT_EQ(table.title, "Endpoints of a\\u001b[2J");
  EXPECT_EQ(table.note, "least, sticky header:\\u001b; 1 endpoint: 1 up");
  EXPECT_EQ(table.rows.at(0).at(0).text, "http://\\u202e");
  EXPECT_EQ(table.rows.at(0).at(6).text, "\\u001b[2J");
}

}  // namespace
}  // namespace onehop::observe
