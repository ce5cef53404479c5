// SPDX-License-Identifier: Apache-2.0
#include "observe/trace_exporter.hpp"

#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/scope.hpp>
#include <onehop/trace.hpp>

#include "support/failing_allocation.hpp"

#include <chrono>
#include <future>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

task<Response> accept_slowly(const Request&) {
  co_await sleep_for(100ms);
  co_return Response(Status::ok, std::string("{}"));
}

TEST(TraceExporter, CountsAndReportsSpansDroppedForASlowCollector) {
  constexpr std::uint64_t kSpans = 3 * TraceExporter::kMaxSpans;
  Server collector({.listen = "127.0.0.1:0", .workers = 1});
  ASSERT_TRUE(collector.start(accept_slowly));
  std::mutex mutex;
  std::vector<std::string> lines;
  auto exporter = TraceExporter::start(
      {.collector = collector_url("http://" + collector.addresses().front()).value(),
       .last_timeout = 60s,
       .report = [&](LogLevel, std::string_view line) {
         const std::lock_guard lock(mutex);
         lines.emplace_back(line);
       }});
  ASSERT_TRUE(exporter);

  Trace trace;
  trace.trace_id = "0123456789abcdef0123456789abcdef";
  trace.span_id = "0123456789abcdef";
  trace.sampled = true;
  ExchangeRecord exchange;
  exchange.status = 200;
  exchange.trace = &trace;
  for (std::uint64_t i = 0; i < kSpans; ++i)
    (*exporter)->record(exchange);
  (*exporter)->finish();

  const auto statistics = (*exporter)->statistics();
  EXPECT_GT(statistics.dropped, 0U);
  EXPECT_EQ(statistics.exported + statistics.dropped, kSpans);
  EXPECT_THAT(lines, Contains(HasSubstr("dropped: http://")));
  collector.stop(0s);
}

// Regression: a client that provoked errors could fill the queue, which left no room for sampled
// spans.
TEST(TraceExporter, LimitsUnsampledFailures) {
  auto exporter = TraceExporter::start(
      {.collector = collector_url("http://127.0.0.1:1").value(), .last_timeout = 0s});
  ASSERT_TRUE(exporter);
  Trace trace;
  trace.trace_id = "0123456789abcdef0123456789abcdef";
  trace.span_id = "0123456789abcdef";
  ExchangeRecord exchange;
  exchange.status = 502;
  exchange.trace = &trace;
  exchange.ended = Time(5s);
  for (int i = 0; i < 1000; ++i)
    (*exporter)->record(exchange);
  exchange.ended = Time(6s);
  for (int i = 0; i < 3; ++i)
    (*exporter)->record(exchange);
  (*exporter)->finish();
  const auto statistics = (*exporter)->statistics();
  EXPECT_EQ(statistics.exported + statistics.dropped, TraceExporter::kMaxUnsampled + 3);
}

// Regression: each message contained the password of the URL.
TEST(TraceExporter, HidesSecretsOfTheUrlInMessages) {
  auto collector = Url::parse("http://127.0.0.1:1/v1/traces");
  ASSERT_TRUE(collector);
  ASSERT_TRUE(collector->set_query("key=s3cret"));
  std::mutex mutex;
  std::vector<std::string> lines;
  auto exporter = TraceExporter::start({.collector = *collector,
                                        .pause = 1ms,
                                        .last_timeout = 5s,
                                        .retry_wait = 1ms,
                                        .report = [&](LogLevel, std::string_view line) {
                                          const std::lock_guard lock(mutex);
                                          lines.emplace_back(line);
                                        }});
  ASSERT_TRUE(exporter);
  Trace trace;
  trace.trace_id = "0123456789abcdef0123456789abcdef";
  trace.span_id = "0123456789abcdef";
  trace.sampled = true;
  ExchangeRecord exchange;
  exchange.status = 200;
  exchange.trace = &trace;
  (*exporter)->record(exchange);
  (*exporter)->finish();
  EXPECT_THAT(lines, Contains(HasSubstr("to http://127.0.0.1:1/v1/traces")));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("s3cret"))));
}

// Regression: a failed allocation on the exporter's thread ended the process.
TEST(TraceExporter, DropsABatchThatFindsNoMemory) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  std::promise<void> reported;
  bool is_first = true;
  auto exporter = TraceExporter::start({.collector = collector_url("http://127.0.0.1:1").value(),
                                        .pause = 1ms,
                                        .last_timeout = 60s,
                                        .retry_wait = 1ms,
                                        .report = [&](LogLevel, std::string_view) {
                                          if (!std::exchange(is_first, false)) return;
                                          reported.set_value();
                                          // The next allocation of this thread is for the second
                                          // batch.
                                          thread_local std::optional<FailingAllocation> failing;
                                          failing.emplace(0);
                                        }});
  ASSERT_TRUE(exporter);
  Trace trace;
  trace.trace_id = "0123456789abcdef0123456789abcdef";
  trace.span_id = "0123456789abcdef";
  trace.sampled = true;
  ExchangeRecord exchange;
  exchange.status = 200;
  exchange.trace = &trace;
  (*exporter)->record(exchange);
  reported.get_future().wait();
  (*exporter)->record(exchange);
  (*exporter)->finish();
  EXPECT_EQ((*exporter)->statistics().exported, 0U);
  EXPECT_EQ((*exporter)->statistics().dropped, 2U);
}

TEST(TraceExporter, SurvivesAMessageThatFindsNoMemory) {
  auto exporter =
      TraceExporter::start({.collector = collector_url("http://127.0.0.1:1").value(),
                            .pause = 1ms,
                            .last_timeout = 60s,
                            .retry_wait = 1ms,
                            .report = [](LogLevel, std::string_view) { throw std::bad_alloc(); }});
  ASSERT_TRUE(exporter);
  Trace trace;
  trace.trace_id = "0123456789abcdef0123456789abcdef";
  trace.span_id = "0123456789abcdef";
  trace.sampled = true;
  ExchangeRecord exchange;
  exchange.status = 200;
  exchange.trace = &trace;
  (*exporter)->record(exchange);
  (*exporter)->finish();
  EXPECT_EQ((*exporter)->statistics().dropped, 1U);
}

}  // namespace
}  // namespace onehop::observe
