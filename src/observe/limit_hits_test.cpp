// SPDX-License-Identifier: Apache-2.0
#include "observe/limit_hits.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using namespace std::chrono_literals;

TEST(LimitHits, ListTheLastHourLatestFirst) {
  const Time now = Time() + 10h;
  const Overview::Time wall_now = Overview::Time() + 500h;
  RequestTotals totals;
  totals.last_failures = {{.reason = "body_too_large", .count = 3, .last = now - 59min},
                          {.reason = "head_too_large", .count = 9, .last = now - 61min},
                          {.reason = "connection_refused", .count = 5, .last = now},
                          {.reason = "too_many_open_files", .count = 4, .last = now - 3s}};
  ServerMetrics server;
  server.refusals_total = {7, 0, 0, 0};
  server.last_refusals = {now - 2s, Time(), Time(), Time()};
  server.http2.over_max_streams_total = 6;
  server.http2.last_over_max_streams = now - 59min - 30s;
  const auto hits = limit_hits(totals, server, {.wall = wall_now, .steady = now});
  ASSERT_EQ(hits.size(), 4U);
  EXPECT_EQ(hits[0].name, "--max-connections-per-client");
  EXPECT_EQ(hits[0].what, "connections closed");
  EXPECT_EQ(hits[0].hits, 7U);
  EXPECT_EQ(hits[0].last, wall_now - 2s);
  EXPECT_EQ(hits[1].name, "open files (ulimit -n)");
  EXPECT_EQ(hits[1].hits, 4U);
  EXPECT_EQ(hits[2].name, "--max-body");
  EXPECT_EQ(hits[2].hits, 3U);
  EXPECT_EQ(hits[2].last, wall_now - 59min);
  EXPECT_EQ(hits[3].name, "--max-streams");
  EXPECT_EQ(hits[3].hits, 6U);
}

}  // namespace
}  // namespace onehop::observe
