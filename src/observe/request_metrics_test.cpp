// SPDX-License-Identifier: Apache-2.0
#include "observe/request_metrics.hpp"

#include "observe/metric_families.hpp"
#include "observe/request_families.hpp"
#include "observe/request_shard.hpp"
#include "support/sample_exchange.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using test::kStart;

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

// Returns an exchange with 10 ms for a new connection, 20 ms to send, 30 ms of waiting and 40 ms of
// content.
ExchangeRecord exchange_with(int status) {
  ExchangeRecord exchange;
  exchange.target = "/x?secret";
  exchange.host = "h.example";
  exchange.client = "192.0.2.7";
  exchange.status = status;
  exchange.request_body = 5;
  exchange.response_body = 7;
  exchange.upstream = "127.0.0.1:8000";
  exchange.attempts = 1;
  exchange.dial_time = milliseconds(8);  // after 2 ms of waiting
  exchange.began = exchange.head_received = kStart;
  exchange.upstream_chosen = kStart + milliseconds(10);
  exchange.request_sent = kStart + milliseconds(30);
  exchange.response_began = kStart + milliseconds(60);
  exchange.ended = kStart + milliseconds(100);
  return exchange;
}

std::string text_of(const RequestMetrics& metrics) {
  MetricFamilies families;
  add_request_families(families, metrics.totals(), metrics.buckets());
  return families.text();
}

TEST(RequestMetrics, CountAnExchangeInEachFamily) {
  RequestMetrics metrics;
  metrics.record(exchange_with(200));
  const std::string text = text_of(metrics);
  for (
      const char* const line :
      {R"(onehop_requests_total{route="default",method="GET",code="200",protocol="HTTP/1.1"} 1)",
       R"(onehop_request_duration_seconds_count{route="default"} 1)",
       R"(onehop_request_duration_seconds_sum{route="default"} 0.1)",
       R"(onehop_request_duration_seconds_bucket{route="default",le="0.05"} 0)",
       R"(onehop_request_duration_seconds_bucket{route="default",le="0.1"} 1)",
       R"(onehop_request_duration_seconds_bucket{route="default",le="+Inf"} 1)",
       R"(onehop_request_body_bytes_total{route="default"} 5)",
       R"(onehop_response_body_bytes_total{route="default"} 7)",
       R"(onehop_request_phase_seconds_sum{phase="connect",upstream="default"} 0.008)",
       R"(onehop_request_phase_seconds_sum{phase="wait",upstream="default"} 0.03)",
       R"(onehop_upstream_requests_total{upstream="default",address="127.0.0.1:8000",code_class="2xx"} 1)",
       R"(onehop_upstream_response_seconds_sum{upstream="default",address="127.0.0.1:8000"} 0.03)"})
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
  EXPECT_THAT(text, Not(HasSubstr("onehop_request_failures_total")));
}

TEST(RequestMetrics, SumAllThreadsIncludingEndedOnes) {
  RequestMetrics metrics;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&metrics] {
        for (int n = 0; n < 1000; ++n)
          metrics.record(exchange_with(200));
      });
    }
  }
  EXPECT_EQ(metrics.totals().routes.front().requests.front().count, 12'000U);
}

TEST(RequestMetrics, AreSeparateOnOneThread) {
  RequestMetrics one;
  RequestMetrics other;
  one.record(exchange_with(200));
  other.record(exchange_with(404));
  one.record(exchange_with(200));
  EXPECT_EQ(one.totals().routes.front().requests.front().count, 2U);
  EXPECT_EQ(other.totals().routes.front().requests.front().code, "404");
}

TEST(RequestMetrics, ConnectTimesAreThoseOfNewConnections) {
  RequestMetrics metrics;
  ExchangeRecord exchange = exchange_with(200);
  exchange.reused = true;
  metrics.record(exchange);
  const RequestTotals::Address address = metrics.totals().upstreams.front().addresses.front();
  EXPECT_EQ(address.connect.count(), 0U);
  EXPECT_EQ(address.wait.count(), 1U);
}

TEST(RequestMetrics, LimitTheLabelsForAnyPeerInput) {
  RequestMetrics metrics;
  for (int i = 0; i < 1000; ++i) {
    ExchangeRecord exchange = exchange_with(100 + i % 900);
    const std::string method = "M" + std::to_string(i);
    const std::string address = "192.0.2.1:" + std::to_string(i);
    exchange.method = *Method::parse(method);
    exchange.upstream = address;
    exchange.version = static_cast<Version>(i % 3);
    metrics.record(exchange);
  }
  const RequestTotals totals = metrics.totals();
  std::set<std::string_view> codes;
  for (const auto& one : totals.routes.front().requests) {
    EXPECT_EQ(one.method, "other");
    codes.insert(one.code);
  }
  EXPECT_LE(codes.size(), CodeLabels::kMax);
  EXPECT_TRUE(codes.contains("4xx"));
  EXPECT_FALSE(codes.contains("433"));
  const auto& addresses = totals.upstreams.front().addresses;
  EXPECT_EQ(addresses.size(), 257U);
  const auto other = std::ranges::find(addresses, "other", &RequestTotals::Address::address);
  ASSERT_NE(other, addresses.end());
  EXPECT_EQ(other->wait.count(), 1000U - 256U);
}

TEST(RequestMetrics, AFailureHasItsSidePhaseAndReason) {
  RequestMetrics metrics;
  ExchangeRecord exchange = exchange_with(502);
  exchange.upstream = {};
  exchange.upstream_chosen = exchange.request_sent = exchange.response_began = Time{};
  exchange.failure = Error::system(ECONNREFUSED, Side::upstream).during(Phase::connect);
  exchange.failure->with("while connecting to 127.0.0.1:8000");
  metrics.record(exchange);
  const std::string text = text_of(metrics);
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(onehop_request_failures_total{side="upstream",phase="connect",reason="connection_refused"} 1)"));
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(onehop_upstream_requests_total{upstream="default",address="none",code_class="none"} 1)"));
  const auto recent = metrics.recent_failures();
  ASSERT_EQ(recent.size(), 1U);
  EXPECT_EQ(recent[0].path, "/x");
  EXPECT_EQ(recent[0].query, "?secret");
  EXPECT_EQ(recent[0].side, "upstream");
  EXPECT_EQ(recent[0].phase, "connect");
  EXPECT_EQ(recent[0].reason, "connection_refused");
  EXPECT_EQ(recent[0].detail, "Connection refused (while connecting to 127.0.0.1:8000)");
  EXPECT_EQ(recent[0].status, 502);
}

TEST(RequestMetrics, ADisconnectedClientIsA499) {
  RequestMetrics metrics;
  ExchangeRecord exchange = exchange_with(200);
  exchange.outcome = Outcome::client_gone;
  metrics.record(exchange);
  const RequestTotals totals = metrics.totals();
  EXPECT_EQ(totals.routes.front().requests.front().code, "499");
  EXPECT_EQ(totals.failures.front().side, "client");
  EXPECT_EQ(totals.failures.front().reason, "client_gone");
}

TEST(RequestMetrics, ARefusedHeadIsNotAnUpstreamFailure) {
  RequestMetrics metrics;
  ExchangeRecord exchange;
  exchange.began = exchange.ended = kStart;
  exchange.status = 400;
  exchange.failure = Error(Errc::bad_request, Side::client).during(Phase::head);
  metrics.record(exchange);
  EXPECT_TRUE(metrics.totals().upstreams.empty());
}

TEST(RequestMetrics, ATunnelHasNoDurationAndNoContent) {
  RequestMetrics metrics;
  ExchangeRecord exchange = exchange_with(101);
  exchange.upgraded = true;
  metrics.record(exchange);
  const RequestTotals totals = metrics.totals();
  EXPECT_EQ(totals.routes.front().requests.front().count, 1U);
  EXPECT_EQ(totals.routes.front().duration.count(), 0U);
  EXPECT_EQ(totals.routes.front().response_body_bytes, 0U);
}

using Labels = std::vector<RequestMetrics::RouteLabels>;

std::uint64_t requests_of(const RequestMetrics& metrics, std::string_view name) {
  std::uint64_t count = 0;
  for (const RequestTotals::Route& route : metrics.totals().routes) {
    if (route.name != name) continue;
    for (const RequestTotals::Requests& one : route.requests)
      count += one.count;
  }
  return count;
}

TEST(RequestSeries, BelongToTheRouteAndItsUpstream) {
  RequestMetrics metrics;
  const auto series = metrics.series(
      Labels{{.route = "/a", .upstream = "one"}, {.route = "/b", .upstream = "two"}}, true);
  metrics.record(exchange_with(200), series->of(2));
  metrics.record(exchange_with(200), series->of(0));
  metrics.record(exchange_with(200), series->of(3));
  const std::string text = text_of(metrics);
  for (
      const char* const line :
      {R"(onehop_requests_total{route="/b",method="GET",code="200",protocol="HTTP/1.1"} 1)",
       R"(onehop_requests_total{route="default",method="GET",code="200",protocol="HTTP/1.1"} 2)",
       R"(onehop_request_duration_seconds_count{route="/a"} 0)",
       R"(onehop_request_phase_seconds_count{phase="wait",upstream="one"} 0)",
       R"(onehop_upstream_requests_total{upstream="two",address="127.0.0.1:8000",code_class="2xx"} 1)",
       R"(onehop_upstream_requests_total{upstream="default",address="127.0.0.1:8000",code_class="2xx"} 2)"})
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
}

TEST(RequestSeries, ARequestIsInFlightUntilItEndsOrBecomesATunnel) {
  RequestMetrics metrics;
  const auto series = metrics.series(Labels{{.route = "/a"}}, true);
  const auto in_flight = [&metrics] { return metrics.totals().routes.back().in_flight; };
  metrics.begin(series->of(1));
  metrics.begin(series->of(1));
  EXPECT_EQ(in_flight(), 2U);
  metrics.record(exchange_with(200), series->of(1));
  EXPECT_EQ(in_flight(), 1U);
  metrics.become_tunnel(series->of(1));
  EXPECT_EQ(in_flight(), 0U);
  ExchangeRecord tunnel = exchange_with(101);
  tunnel.upgraded = true;
  metrics.record(tunnel, series->of(1));
  EXPECT_EQ(in_flight(), 0U);
}

TEST(RequestSeries, AReconfiguredRouteContinuesItsCounts) {
  RequestMetrics metrics;
  const Labels labels = {{.route = "/a", .upstream = "one"}};
  for (int i = 0; i < 2; ++i) {
    const auto series = metrics.series(labels, false);
    metrics.record(exchange_with(200), series->of(1));
  }
  EXPECT_EQ(requests_of(metrics, "/a"), 2U);
}

TEST(RequestSeries, StayBoundedAcrossReloadsAndLoseNoRequest) {
  RequestMetrics metrics;
  const auto kept = metrics.series(Labels{{.route = "/kept", .upstream = "kept"}}, false);
  metrics.record(exchange_with(200), kept->of(1));
  constexpr std::uint64_t kReloads = 1000;
  for (std::uint64_t i = 0; i < kReloads; ++i) {
    const std::string name = std::to_string(i);
    const auto series =
        metrics.series(Labels{{.route = "/" + name, .upstream = "u" + name}}, false);
    metrics.record(exchange_with(i % 2 == 0 ? 200 : 404), series->of(1));
  }
  const RequestTotals totals = metrics.totals();
  EXPECT_LE(totals.routes.size(), LabelSlots::kMaxFormer + 3);
  EXPECT_LE(totals.upstreams.size(), LabelSlots::kMaxFormer + 2);
  EXPECT_EQ(requests_of(metrics, "other"), kReloads - LabelSlots::kMaxFormer);
  EXPECT_EQ(requests_of(metrics, "/999"), 1U);
  EXPECT_EQ(requests_of(metrics, "/kept"), 1U) << "it is in use";
  std::uint64_t durations = 0;
  for (const RequestTotals::Route& route : totals.routes)
    durations += route.duration.count();
  EXPECT_EQ(durations, kReloads + 1);
}

TEST(RequestSeries, AFailureNamesTheUpstreamItWasSentTo) {
  RequestMetrics metrics;
  const auto series = metrics.series(Labels{{.route = "/a", .upstream = "one"}}, false);
  ExchangeRecord exchange = exchange_with(504);
  exchange.route = "/a";
  exchange.failure = Error(Errc::timed_out, Side::upstream).during(Phase::wait);
  metrics.record(exchange, series->of(1));
  const auto recent = metrics.recent_failures();
  ASSERT_EQ(recent.size(), 1U);
  EXPECT_EQ(recent[0].route, "/a");
  EXPECT_EQ(recent[0].upstream_name, "one");
}

TEST(RecentFailures, KeepTheLastHundredOfAllWorkersAndCutLongTexts) {
  RequestMetrics metrics;
  const std::string path = "/" + std::string(10'000, 'p');
  for (int i = 0; i < 3; ++i) {
    std::jthread([&] {
      for (int n = 0; n < 60; ++n) {
        ExchangeRecord exchange = exchange_with(504);
        exchange.target = path;
        exchange.failure = Error(Errc::timed_out, Side::upstream).during(Phase::wait);
        metrics.record(exchange);
      }
    }).join();
  }
  const auto recent = metrics.recent_failures();
  ASSERT_EQ(recent.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(recent, std::ranges::greater(), &Overview::Failure::id));
  EXPECT_EQ(recent.front().path.size(), RecentFailures::kMaxText);
}

}  // namespace
}  // namespace onehop::observe
