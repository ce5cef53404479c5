// SPDX-License-Identifier: Apache-2.0
//
// The choice among endpoints: each rule, and the waiting times that result in a model with a
// virtual clock.
#include "upstream/balancer.hpp"

#include "upstream/group.hpp"
#include "upstream/key_hash.hpp"

#include <algorithm>
#include <map>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::upstream {
namespace {

using namespace std::chrono_literals;

constexpr Time kNow = Time(1h);
constexpr Duration kSlowStart = 10s;

std::vector<Member> make_members(std::size_t count) {
  std::vector<Member> members;
  for (std::size_t i = 0; i < count; ++i) {
    const Upstream::Endpoint named("http://host" + std::to_string(i) + ":80");
    members.push_back({.endpoint = std::make_shared<Endpoint>(named)});
  }
  return members;
}

class BalancerTest : public ::testing::Test {
 protected:
  void start(std::size_t count, Balance balance) {
    members_ = make_members(count);
    balance_ = balance;
    start_again();
  }
  // Makes a new balancer after a change of the members, which a balancer takes as constant.
  void start_again() { balancer_.emplace(members_, balance_, kSlowStart, 1); }
  void set_weight(std::size_t index, double weight) {
    members_[index].weight = weight;
    start_again();
  }
  void set_backup(std::size_t index) {
    members_[index].backup = true;
    start_again();
  }
  std::optional<std::size_t> choose(const Wanted& wanted = {.now = kNow}) {
    return balancer_->choose(wanted);
  }
  // Returns how often each endpoint is chosen.
  std::vector<int> shares(int choices, Time now = kNow) {
    std::vector<int> counts(members_.size());
    for (int i = 0; i < choices; ++i)
      ++counts[choose({.now = now}).value()];
    return counts;
  }
  void set_requests(std::size_t index, std::uint32_t requests) {
    members_[index].endpoint->load.requests = requests;
  }

  std::vector<Member> members_;
  Balance balance_ = Balance::least;
  std::optional<Balancer> balancer_;
};

TEST_F(BalancerTest, LeastChoosesTheFewestRequestsPerWeight) {
  start(3, Balance::least);
  set_requests(0, 3);
  set_requests(1, 1);
  set_requests(2, 2);
  EXPECT_EQ(choose(), 1u);
  set_weight(0, 10);
  EXPECT_EQ(choose(), 0u);
}

TEST_F(BalancerTest, LeastChoosesEqualEndpointsEquallyOften) {
  start(4, Balance::least);
  EXPECT_THAT(shares(4000),
              ::testing::Each(::testing::AllOf(::testing::Gt(850), ::testing::Lt(1150))));
}

TEST_F(BalancerTest, LeastComparesTwoOfMany) {
  start(200, Balance::least);
  for (std::size_t i = 0; i < 200; ++i)
    set_requests(i, i < 100 ? 9 : 0);
  int busy = 0;
  for (int i = 0; i < 4000; ++i)
    busy += choose().value() < 100;
  EXPECT_NEAR(busy, 1000, 150) << "both drawn are busy in a quarter of the cases";
}

TEST_F(BalancerTest, RoundRobinSpreadsTheTurnsOfAHeavyEndpoint) {
  start(3, Balance::round_robin);
  set_weight(0, 4);
  std::string order;
  for (int i = 0; i < 12; ++i)
    order += static_cast<char>('a' + choose().value());
  EXPECT_EQ(order, "aabacaaabaca");
}

TEST_F(BalancerTest, RandomFollowsTheWeights) {
  start(3, Balance::random);
  set_weight(0, 0.5);
  set_weight(2, 1.5);
  const auto counts = shares(6000);
  EXPECT_NEAR(counts[0], 1000, 120);
  EXPECT_NEAR(counts[1], 2000, 160);
  EXPECT_NEAR(counts[2], 3000, 160);
}

TEST_F(BalancerTest, FirstChoosesTheFirstUsableEndpoint) {
  start(3, Balance::first);
  EXPECT_EQ(choose(), 0u);
  members_[0].endpoint->become(Condition::down, kNow);
  EXPECT_EQ(choose(), 1u);
}

TEST_F(BalancerTest, AKeyKeepsItsEndpointWhenOthersComeAndGo) {
  start(10, Balance::hash);
  std::map<std::uint64_t, std::size_t> before;
  std::vector<int> counts(10);
  for (std::uint64_t key = 0; key < 2000; ++key) {
    before[key] = choose({.now = kNow, .key = key}).value();
    ++counts[before[key]];
  }
  EXPECT_THAT(counts, ::testing::Each(::testing::AllOf(::testing::Gt(140), ::testing::Lt(260))));
  members_[3].endpoint->become(Condition::down, kNow);
  for (const auto& [key, index] : before) {
    const std::size_t now = choose({.now = kNow, .key = key}).value();
    if (index == 3) {
      EXPECT_NE(now, 3u);
    } else {
      EXPECT_EQ(now, index);
    }
  }
}

TEST_F(BalancerTest, HashFollowsTheWeights) {
  start(3, Balance::hash);
  set_weight(2, 2);
  std::vector<int> counts(3);
  for (std::uint64_t key = 0; key < 4000; ++key)
    ++counts[choose({.now = kNow, .key = key}).value()];
  EXPECT_NEAR(counts[0], 1000, 120);
  EXPECT_NEAR(counts[2], 2000, 150);
}

// Regression: if a client sent two requests at once, one went to another endpoint.
TEST_F(BalancerTest, AKeyKeepsItsEndpointForAFewConcurrentRequests) {
  start(3, Balance::hash);
  const std::size_t first = choose({.now = kNow, .key = 7}).value();
  set_requests(first, 9);
  EXPECT_EQ(choose({.now = kNow, .key = 7}), first);
  set_requests(first, 10);
  EXPECT_NE(choose({.now = kNow, .key = 7}), first);
}

TEST_F(BalancerTest, HashLimitsEachEndpointToAQuarterAboveItsShare) {
  start(4, Balance::hash);
  for (int i = 0; i < 100; ++i) {  // one key for all requests
    const std::size_t chosen = choose({.now = kNow, .key = 7}).value();
    ++members_[chosen].endpoint->load.requests;
  }
  for (const Member& member : members_)
    EXPECT_LE(member.endpoint->load.requests, 32u);
}

// Regression: if no endpoint was below its bound, the request got none.
TEST_F(BalancerTest, HashAlwaysFindsAnEndpoint) {
  start(2, Balance::hash);
  for (Member& member : members_)
    member.weight = 1e308;  // the sum is infinite, so each share is 0
  set_requests(0, 20);
  set_requests(1, 20);
  EXPECT_TRUE(choose({.now = kNow, .key = 7}).has_value());
}

// The values must never change: all proxies of a fleet choose alike, whatever their versions.
TEST(KeyHash, IsTheSameInAllVersions) {
  EXPECT_EQ(hash_of(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hash_of("10.0.0.1"), hash_of("10.0.0.1"));
  EXPECT_NE(hash_of("10.0.0.1"), hash_of("10.0.0.2"));
  EXPECT_GT(rank_of(1, 2, 1), 0);
  EXPECT_LT(rank_of(1, 2, 1), 1);
}

TEST_F(BalancerTest, BackupsServeWhileNoOtherIsUsable) {
  start(3, Balance::least);
  set_backup(2);
  set_requests(0, 100);
  set_requests(1, 100);
  EXPECT_NE(choose(), 2u);
  members_[0].endpoint->become(Condition::down, kNow);
  members_[1].endpoint->eject(kNow, kNow + 10s);
  EXPECT_EQ(choose(), 2u);
}

TEST_F(BalancerTest, TriesAllIfNoneIsUsable) {
  start(2, Balance::least);
  members_[0].endpoint->become(Condition::down, kNow);
  members_[1].endpoint->eject(kNow, kNow + 10s);
  EXPECT_TRUE(choose().has_value());
  const std::size_t tried[] = {0};
  EXPECT_EQ(choose({.now = kNow, .tried = tried}), 1u);
  members_[1].endpoint->become(Condition::leaving, kNow);
  EXPECT_EQ(choose({.now = kNow, .tried = tried}), std::nullopt);
}

// An endpoint that hangs would cost a request that has already failed once its timeout.
TEST_F(BalancerTest, AnEjectedEndpointIsNotTheSecondChoice) {
  start(2, Balance::least);
  members_[1].endpoint->eject(kNow, kNow + 10s);
  const std::size_t tried[] = {0};
  EXPECT_EQ(choose({.now = kNow, .tried = tried}), std::nullopt);
  EXPECT_FALSE(balancer_->has_choice({.now = kNow, .tried = tried}));
}

TEST_F(BalancerTest, AWeightOfZeroGetsNoRequests) {
  start(2, Balance::random);
  set_weight(0, 0);
  EXPECT_EQ(shares(100)[0], 0);
  members_[1].endpoint->become(Condition::down, kNow);
  EXPECT_EQ(choose(), 1u);
}

TEST_F(BalancerTest, OneRequestTriesAnEjectedEndpoint) {
  start(2, Balance::first);
  members_[1].endpoint->eject(kNow, kNow + 10s);
  const Wanted repeatable{.now = kNow + 10s, .is_repeatable = true};
  const Wanted other{.now = kNow + 10s};
  EXPECT_EQ(choose(other), 0u) << "it waits a second for one that may be repeated";
  EXPECT_EQ(choose(repeatable), 1u);
  EXPECT_EQ(choose(repeatable), 0u);
  EXPECT_EQ(choose({.now = kNow + 20s, .is_repeatable = true}), 1u) << "the first takes too long";
  members_[1].endpoint->eject(kNow, kNow + 10s);
  EXPECT_EQ(choose({.now = kNow + 11s}), 1u);
}

TEST_F(BalancerTest, ABackupIsTriedOnlyIfNoOtherIsUsable) {
  start(2, Balance::first);
  set_backup(1);
  members_[1].endpoint->eject(kNow, kNow + 10s);
  const Wanted later{.now = kNow + 20s, .is_repeatable = true};
  EXPECT_EQ(choose(later), 0u);
  EXPECT_EQ(members_[1].endpoint->condition(), Condition::ejected);
  members_[0].endpoint->become(Condition::down, kNow);
  EXPECT_EQ(choose(later), 1u);
}

TEST_F(BalancerTest, ASlowStartBeginsWithATenthOfTheWeight) {
  start(2, Balance::random);
  members_[1].endpoint->start(kNow);
  EXPECT_NEAR(shares(5500)[1], 500, 100);
  EXPECT_NEAR(shares(3000, kNow + 5s)[1], 1000, 110);
  EXPECT_NEAR(shares(3000, kNow + 10s)[1], 1500, 120);
}

// --- a model -----------------------------------------------------------------------------------

// Requests arrive at random. Each endpoint serves one at a time, in an exponentially distributed
// time, and the last endpoint is three times slower. The load is three quarters of their total
// capacity.
struct Waits {
  double median = 0, p99 = 0;  // in mean service times
};

Waits simulate(std::size_t count, Balance balance) {
  std::vector<Member> members = make_members(count);
  Balancer balancer(members, balance, Duration::zero(), 1);
  std::mt19937_64 random(1);
  const double capacity = static_cast<double>(count - 1) + 1.0 / 3;
  std::exponential_distribution<double> until_next(0.75 * capacity);
  std::vector<double> free_at(count);
  using Departure = std::pair<double, std::size_t>;
  std::priority_queue<Departure, std::vector<Departure>, std::greater<>> departures;
  std::vector<double> times;
  double now = 0;
  for (int i = 0; i < 60'000; ++i) {
    now += until_next(random);
    for (; !departures.empty() && departures.top().first <= now; departures.pop())
      --members[departures.top().second].endpoint->load.requests;
    const std::size_t chosen = balancer.choose({.now = kNow}).value();
    ++members[chosen].endpoint->load.requests;
    const double mean = chosen + 1 == count ? 3 : 1;
    const double service = std::exponential_distribution<double>(1 / mean)(random);
    free_at[chosen] = std::max(now, free_at[chosen]) + service;
    departures.emplace(free_at[chosen], chosen);
    times.push_back(free_at[chosen] - now);
  }
  std::ranges::sort(times);
  return {times[times.size() / 2], times[times.size() * 99 / 100]};
}

TEST(BalanceModel, LeastSparesASlowEndpoint) {
  struct Expected {
    std::size_t count;
    double median, p99;
  };
  for (const auto& [count, median, p99] :
       {Expected{2, 2.6, 28}, Expected{3, 1.8, 19}, Expected{8, 1.1, 9}, Expected{32, 0.8, 6}}) {
    const Waits least = simulate(count, Balance::least);
    EXPECT_NEAR(least.median, median, 0.5) << count;
    EXPECT_NEAR(least.p99, p99, p99 / 4) << count;
    const Waits in_turn = simulate(count, Balance::round_robin);
    EXPECT_GT(in_turn.p99, 20 * least.p99) << count;
    const Waits at_random = simulate(count, Balance::random);
    EXPECT_GT(at_random.p99, 20 * least.p99) << count;
  }
}

}  // namespace
}  // namespace onehop::upstream
