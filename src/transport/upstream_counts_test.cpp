// SPDX-License-Identifier: Apache-2.0
//
// The statistics of a Transport about its upstreams.
#include "transport/upstream_counts.hpp"

#include "support/pool_test.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::transport {
namespace {

using Statistics = Transport::Statistics;

bool has(const std::vector<Statistics::Address>& all, std::string_view address) {
  return std::ranges::find(all, address, &Statistics::Address::address) != all.end();
}

TEST(Attempts, AreFailingSinceTheFirstFailure) {
  Statistics::Attempts attempts;
  const Statistics::Time start(1h);
  EXPECT_FALSE(attempts.are_failing());
  attempts.add(true, start);
  attempts.add(true, start + 1s);
  EXPECT_EQ(attempts.since, start);
  attempts.add(false, start + 2s);
  attempts.add(false, start + 3s);
  EXPECT_TRUE(attempts.are_failing());
  EXPECT_EQ(attempts.since, start + 2s);
  attempts.add(true, start + 4s);
  EXPECT_FALSE(attempts.are_failing());
  EXPECT_EQ(attempts.since, start + 4s);
  EXPECT_EQ(attempts.last(), start + 4s);
}

class UpstreamCountsTest : public ConnectionPoolTest {
 protected:
  Statistics::Upstream upstream() const {
    const auto all = shared_->statistics().upstreams;
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Statistics::Upstream() : all.front();
  }
  Statistics::Address address() const {
    const auto all = upstream().addresses;
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Statistics::Address() : all.front();
  }
};

TEST_F(UpstreamCountsTest, AConnectionIsBusyOrIdle) {
  start();
  Held held = take(origin("http://a:8000"));
  EXPECT_EQ(upstream().scheme, "http");
  EXPECT_EQ(upstream().host, "a");
  EXPECT_EQ(upstream().port, 8000);
  EXPECT_EQ(address().address, "a");
  EXPECT_EQ(address().open, 1u);
  EXPECT_EQ(address().idle, 0u);
  EXPECT_EQ(address().requests, 1u);
  give_back(std::move(held));
  EXPECT_EQ(address().idle, 1u);
  EXPECT_EQ(address().requests, 0u);
  EXPECT_EQ(idle(), 1u);
  held = take(origin("http://a:8000"));
  EXPECT_EQ(address().requests, 1u);
  held.reset();
  EXPECT_EQ(address().open, 0u);
  EXPECT_EQ(address().requests, 0u);
  EXPECT_EQ(idle(), 0u);
}

TEST_F(UpstreamCountsTest, ClosedIdleConnectionsAreNoLongerCounted) {
  start();
  give_back(take(origin()));
  pool_->retire();
  EXPECT_EQ(address().open, 0u);
  EXPECT_EQ(address().idle, 0u);
  EXPECT_EQ(idle(), 0u);
}

TEST_F(UpstreamCountsTest, AttemptsOutliveTheOrigin) {
  start();
  upstream_.refuses = true;
  Taking refused = begin(origin());
  settle();
  EXPECT_TRUE(error_of(refused));
  EXPECT_TRUE(upstream().attempts.are_failing());
  advance(10s);
  EXPECT_EQ(pool_->origins(), 0u);
  EXPECT_TRUE(upstream().attempts.are_failing());
  upstream_.refuses = false;
  give_back(take(origin()));
  EXPECT_FALSE(upstream().attempts.are_failing());
  EXPECT_FALSE(address().attempts.are_failing());
}

// Regression: if this machine was short of descriptors, the backend counted as down.
TEST_F(UpstreamCountsTest, LocalFailuresDoNotCountAgainstTheUpstream) {
  Transport::Options options;
  options.queue_timeout = Transport::Duration::zero();
  start(options);
  upstream_.refuses = true;
  upstream_.refusal = Error::system(EMFILE, Side::local).during(Phase::connect);
  Taking refused = begin(origin());
  settle();
  EXPECT_TRUE(error_of(refused));
  EXPECT_EQ(shared_->statistics().dials_failed, 1u);
  EXPECT_FALSE(upstream().attempts.are_failing());
}

TEST_F(UpstreamCountsTest, RecordsAFailingAddressEvenIfAnotherOneWorks) {
  start();
  UpstreamCounts counts(Url::parse("http://a").value());
  const Statistics::Time now(1h);
  counts.record_attempt("[::1]:80", false, now);
  counts.record_attempt("127.0.0.1:80", true, now);
  counts.record_dial(true, now);
  const auto found = counts.statistics();
  EXPECT_FALSE(found.attempts.are_failing());
  ASSERT_EQ(found.addresses.size(), 2u);
  const auto failing = std::ranges::count_if(
      found.addresses, [](const auto& each) { return each.attempts.are_failing(); });
  EXPECT_EQ(failing, 1);
}

TEST_F(UpstreamCountsTest, TheLatestAddressesAreRemembered) {
  UpstreamCounts counts(Url::parse("http://a").value());
  Statistics::Time now(1h);
  for (std::size_t i = 0; i < 2 * UpstreamCounts::kMaxAddresses; ++i)
    counts.record_attempt("10.0.0.1:" + std::to_string(i), true, now += 1s);
  const auto found = counts.statistics().addresses;
  EXPECT_EQ(found.size(), UpstreamCounts::kMaxAddresses);
  EXPECT_TRUE(has(found, "10.0.0.1:511"));
  EXPECT_FALSE(has(found, "10.0.0.1:255"));
}

}  // namespace
}  // namespace onehop::transport
