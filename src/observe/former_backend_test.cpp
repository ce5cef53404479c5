// SPDX-License-Identifier: Apache-2.0
#include "observe/former_backend.hpp"

#include "observe/request_metrics.hpp"
#include "support/sample_exchange.hpp"

#include <chrono>
#include <system_error>

#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using test::kStart;

using std::chrono::seconds;

void fail(RequestMetrics& metrics, std::errc why, Time at) {
  ExchangeRecord exchange;
  exchange.status = 502;
  exchange.began = exchange.head_received = exchange.ended = at;
  exchange.failure = Error(std::make_error_code(why), Side::upstream);
  metrics.record(exchange);
}

RequestTotals::Address unconnected(const RequestMetrics& metrics) {
  const RequestTotals totals = metrics.totals();
  const auto& addresses = totals.upstreams.front().addresses;
  EXPECT_EQ(addresses.size(), 1U);
  EXPECT_EQ(addresses.front().address, "");
  return addresses.front();
}

TEST(FormerBackend, WithoutAChangeEveryFailureCounts) {
  RequestMetrics metrics;
  fail(metrics, std::errc::connection_refused, kStart);
  const auto since = unconnected_since({}, unconnected(metrics));
  EXPECT_EQ(since.count(), 1U);
}

TEST(FormerBackend, IsBlamedForFailuresBeforeTheChange) {
  RequestMetrics metrics;
  fail(metrics, std::errc::connection_refused, kStart);
  fail(metrics, std::errc::timed_out, kStart + seconds(1));
  const FormerBackend former = former_backend(metrics.totals(), "default", kStart + seconds(2));
  auto since = unconnected_since(former, unconnected(metrics));
  EXPECT_EQ(since.count(), 0U);
  EXPECT_TRUE(since.failures.empty());

  fail(metrics, std::errc::connection_refused, kStart + seconds(3));
  since = unconnected_since(former, unconnected(metrics));
  EXPECT_EQ(since.count(), 1U);
  ASSERT_EQ(since.failures.size(), 1U);
  EXPECT_EQ(since.failures.front().reason, "connection_refused");
  EXPECT_EQ(since.failures.front().count, 1U);
}

}  // namespace
}  // namespace onehop::observe
