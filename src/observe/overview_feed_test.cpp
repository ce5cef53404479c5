// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_feed.hpp"

#include <onehop/scope.hpp>
#include <onehop/testing.hpp>

#include "support/failing_allocation.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class OverviewFeedTest : public ::testing::Test {
 public:
  OverviewFeedTest()
      : feed_(std::make_unique<OverviewFeed>([this] { return next(); })),
        pages_(feed_->pages(), {}) {}

  Overview next() {
    if (lacks_memory_.exchange(false)) throw std::bad_alloc();
    Overview overview;
    overview.totals.requests = static_cast<std::uint64_t>(++collected_);
    overview.requests.resize(1);
    overview.requests.front().query = "?token=secret";
    return overview;
  }
  task<Response> get(std::string path) {
    return pages_.serve(testing::request("GET " + path, {{"Host", "localhost"}}));
  }
  // Returns the next events.
  task<std::string> next_events(Response& response) {
    auto reading = response.body().read();
    const auto piece = co_await std::move(reading);
    co_return std::string(piece.value_or(""));
  }

  task<void> read_into(Response& response, std::string& text) {
    text = co_await next_events(response);
  }

  std::atomic<int> collected_ = 0;
  std::atomic<bool> lacks_memory_ = false;  // the next overview cannot be collected
  std::unique_ptr<OverviewFeed> feed_;
  AdminPages pages_;
};

TEST_F(OverviewFeedTest, BrowsersGetThePageAndOthersGetText) {
  auto html = testing::serve(
      pages_, testing::request("GET /", {{"Host", "localhost"}, {"Accept", "text/html,*/*"}}));
  EXPECT_EQ(html.headers().get("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(std::string(html.headers().get("Content-Security-Policy").value_or("")),
              StartsWith("default-src 'none'; script-src 'sha256-"));
  EXPECT_THAT(testing::text_of(html), StartsWith("<!doctype html>"));
  auto text = testing::serve(pages_, testing::request("GET /", {{"Host", "localhost"}}));
  EXPECT_EQ(text.headers().get("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_THAT(testing::text_of(text), StartsWith("onehop: Serving\n"));
}

TEST_F(OverviewFeedTest, StatusIsTheSameDocumentAsTheEvents) {
  auto response = testing::serve(pages_, testing::request("GET /status", {{"Host", "localhost"}}));
  EXPECT_EQ(response.headers().get("Content-Type"), "application/json");
  EXPECT_THAT(testing::text_of(response), HasSubstr("\"requests\":1,"));
}

TEST_F(OverviewFeedTest, ViewersShareOneOverviewPerSecond) {
  testing::run([](OverviewFeedTest& test) -> task<void> {
    auto first = co_await test.get("/events");
    auto second = co_await test.get("/events");
    EXPECT_EQ(test.feed_->viewers(), 2U);
    const std::string one = co_await test.next_events(first);
    const std::string other = co_await test.next_events(second);
    EXPECT_THAT(one, StartsWith("retry: 2000\nevent: history\ndata: {\"bounds\":"));
    EXPECT_THAT(one, HasSubstr("\n\ndata: {\"time\":"));
    // 1, or 2 if the next second began in between.
    EXPECT_LE(test.collected_.load(), 2);
    const int before = test.collected_.load();
    std::string next;
    std::string same;
    Scope both;
    both.spawn(test.read_into(first, next));
    both.spawn(test.read_into(second, same));
    co_await both.join();
    EXPECT_EQ(next, same);
    EXPECT_THAT(next, StartsWith("data: {\"time\":"));
    EXPECT_EQ(test.collected_.load(), before + 1);
  }(*this));
}

// Regression: the second viewer read an overview that did not exist.
TEST_F(OverviewFeedTest, OneFailureToCollectConcernsOneViewer) {
  lacks_memory_ = true;
  testing::run([](OverviewFeedTest& test) -> task<void> {
    auto first = co_await test.get("/events");
    auto second = co_await test.get("/events");
    bool has_failed = false;
    try {
      co_await test.next_events(first);
    } catch (const std::bad_alloc&) {
      has_failed = true;
    }
    EXPECT_TRUE(has_failed);
    const std::string other = co_await test.next_events(second);
    EXPECT_THAT(other, HasSubstr("\n\ndata: {\"time\":"));
    EXPECT_EQ(test.collected_.load(), 1);
  }(*this));
}

// Regression: after eight of them, /events responded with 503 until a restart.
TEST_F(OverviewFeedTest, AViewerWhoseResponseCouldNotBeMadeIsNotCounted) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer has its own operator new";
  testing::run([](OverviewFeedTest& test) -> task<void> {
    bool has_failed = true;
    for (std::size_t succeed = 0; has_failed; ++succeed) {
      auto request = testing::request("GET /events", {{"Host", "localhost"}});
      try {
        const FailingAllocation failing(succeed);
        const auto response = co_await test.pages_.serve(std::move(request));
        has_failed = failing.is_over();
      } catch (const std::bad_alloc&) {
      }
      EXPECT_EQ(test.feed_->viewers(), 0U) << succeed;
    }
  }(*this));
}

TEST_F(OverviewFeedTest, NothingIsCollectedWithoutViewers) {
  testing::run([](OverviewFeedTest& test) -> task<void> {
    {
      auto response = co_await test.get("/events");
      co_await test.next_events(response);
    }
    EXPECT_EQ(test.feed_->viewers(), 0U);
    const int before = test.collected_.load();
    co_await sleep_for(2 * OverviewFeed::kInterval);
    EXPECT_EQ(test.collected_.load(), before);
  }(*this));
}

TEST_F(OverviewFeedTest, TheEventsEndWithTheFeed) {
  testing::run([](OverviewFeedTest& test) -> task<void> {
    auto response = co_await test.get("/events");
    const std::string first = co_await test.next_events(response);
    EXPECT_THAT(first, HasSubstr("data:"));
    test.feed_.reset();
    const int before = test.collected_.load();
    const std::string end = co_await test.next_events(response);
    EXPECT_EQ(end, "");
    for (const char* const page : {"/status", "/requests", "/"}) {
      auto ended = co_await test.get(page);
      EXPECT_EQ(ended.status(), Status::service_unavailable) << page;
    }
    EXPECT_EQ(test.collected_.load(), before);
  }(*this));
}

// Regression: a stop waited for the viewers and then cut them off.
TEST_F(OverviewFeedTest, WaitingViewersAreEndedAtOnce) {
  testing::run([](OverviewFeedTest& test) -> task<void> {
    auto response = co_await test.get("/events");
    const std::string first = co_await test.next_events(response);
    const auto ended = std::chrono::steady_clock::now();
    std::string rest = "none";
    Scope reading;
    reading.spawn(test.read_into(response, rest));
    test.feed_->end();
    co_await reading.join();
    EXPECT_EQ(rest, "");
    EXPECT_LT(std::chrono::steady_clock::now() - ended, OverviewFeed::kInterval / 2);
  }(*this));
}

TEST_F(OverviewFeedTest, QueriesAreShownOnlyOnRequest) {
  testing::run([](OverviewFeedTest& test) -> task<void> {
    auto asking = co_await test.get("/events?queries=shown");
    auto other = co_await test.get("/events");
    const std::string shown = co_await test.next_events(asking);
    const std::string hidden = co_await test.next_events(other);
    EXPECT_THAT(shown, HasSubstr("?token=secret"));
    EXPECT_THAT(hidden, Not(HasSubstr("secret")));
    auto status = co_await test.get("/status?queries=shown");
    EXPECT_THAT(testing::text_of(status), HasSubstr("?token=secret"));
    status = co_await test.get("/status");
    EXPECT_THAT(testing::text_of(status), Not(HasSubstr("secret")));
  }(*this));
}

TEST_F(OverviewFeedTest, TheNinthViewerIsRefusedUntilOneLeaves) {
  testing::run([](OverviewFeedTest& test) -> task<void> {
    std::vector<Response> viewers;
    for (std::size_t i = 0; i < OverviewFeed::kMaxViewers; ++i) {
      auto response = co_await test.get("/events");
      EXPECT_EQ(response.status(), Status::ok);
      viewers.push_back(std::move(response));
    }
    auto refused = co_await test.get("/events");
    EXPECT_EQ(refused.status(), Status::service_unavailable);
    EXPECT_EQ(refused.headers().get("Retry-After"), "10");
    viewers.pop_back();
    auto admitted = co_await test.get("/events");
    EXPECT_EQ(admitted.status(), Status::ok);
  }(*this));
}

}  // namespace
}  // namespace onehop::observe
