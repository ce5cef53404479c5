// SPDX-License-Identifier: Apache-2.0
//
// Which endpoints are passed over, and for how long. Time is a number.
#include "upstream/group.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::upstream {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using State = Upstream::State;

class GroupTest : public ::testing::Test {
 protected:
  void start(std::vector<Upstream::Endpoint> endpoints, Upstream::Options options = {}) {
    options.endpoints = std::move(endpoints);
    options.on_change = [this](std::string_view line) { events_.emplace_back(line); };
    group_ = std::make_unique<Group>(std::move(options), nullptr, now_);
  }
  void update(std::vector<Upstream::Endpoint> endpoints) {
    group_->update(std::move(endpoints), now_, Arrival::later);
  }
  Endpoint& endpoint(std::size_t index) { return *(*group_->members())[index].endpoint; }
  void fail(std::size_t index, int times = 1) {
    for (int i = 0; i < times; ++i)
      group_->on_failure(endpoint(index), "reset", now_);
  }
  void succeed(std::size_t index, int times = 1) {
    for (int i = 0; i < times; ++i)
      group_->on_success(endpoint(index), false, now_);
  }
  std::vector<State> states() {
    std::vector<State> all;
    for (const auto& status : group_->statuses(now_))
      all.push_back(status.state);
    return all;
  }

  Time now_ = Time(1h);
  std::vector<std::string> events_;
  std::unique_ptr<Group> group_;
};

TEST_F(GroupTest, FiveFailuresInARowEject) {
  start({"http://a:1", "http://b:1"});
  fail(0, 4);
  succeed(0);
  fail(0, 4);
  EXPECT_THAT(states(), ElementsAre(State::up, State::up));
  fail(0);
  EXPECT_THAT(states(), ElementsAre(State::ejected, State::up));
  EXPECT_THAT(events_, ElementsAre("endpoint http://a:1 is ejected: reset"));
  const auto status = group_->statuses(now_)[0];
  EXPECT_EQ(status.failures_total, 9u);
  EXPECT_EQ(status.ejections_total, 1u);
  EXPECT_EQ(status.last_failure, "reset");
  EXPECT_EQ(status.last_failure_at, now_);
  EXPECT_EQ(status.since, now_);
}

TEST_F(GroupTest, ReportsWhenAStateBegan) {
  const Time began = now_;
  const auto since = [this](std::size_t index) { return group_->statuses(now_)[index].since; };
  start({"http://a:1", "http://b:1"});
  now_ += 1min;
  EXPECT_EQ(since(0), began) << "up since it is in the list";
  update({"http://a:1", "http://b:1", "http://c:1"});
  const Time added = now_;
  EXPECT_EQ(since(2), added);
  now_ += 1min;
  EXPECT_EQ(since(2), added + 10s) << "up since the slow start is over";
  EXPECT_EQ(group_->statuses(now_)[0].last_failure_at, Time{});
  group_->on_check(endpoint(0), Condition::down, "refused", now_);
  const Time down = now_;
  now_ += 1s;
  EXPECT_EQ(since(0), down);
  EXPECT_EQ(group_->statuses(now_)[0].last_failure_at, down);
  group_->on_check(endpoint(0), Condition::usable, "", now_);
  EXPECT_EQ(states()[0], State::starting);
  EXPECT_EQ(since(0), now_);
  now_ += 10s;
  EXPECT_EQ(states()[0], State::up);
  EXPECT_EQ(since(0), now_);
}

TEST_F(GroupTest, ARemovedEndpointDrainsSinceItsRemoval) {
  start({"http://a:1", "http://b:1"});
  const auto kept = (*group_->members())[0].endpoint;
  const transport::EndpointUse use({kept, &kept->load});
  now_ += 1min;
  const Time removed = now_;
  update({"http://b:1"});
  now_ += 1min;
  update({"http://b:1", "http://c:1"});
  EXPECT_EQ(group_->statuses(now_).back().state, State::draining);
  EXPECT_EQ(group_->statuses(now_).back().since, removed);
}

TEST_F(GroupTest, FailureOfHalfOfTheLastTwentyEjects) {
  start({"http://a:1", "http://b:1"});
  for (int i = 0; i < 9; ++i) {
    fail(0);
    succeed(0);
  }
  EXPECT_EQ(states()[0], State::up);
  fail(0);
  EXPECT_EQ(states()[0], State::ejected);
}

TEST_F(GroupTest, OldFailuresAreForgotten) {
  start({"http://a:1", "http://b:1"});
  for (int round = 0; round < 5; ++round) {
    fail(0, 4);
    succeed(0, 20);
  }
  EXPECT_EQ(states()[0], State::up);
}

TEST_F(GroupTest, AtMostHalfAreEjected) {
  start({"http://a:1", "http://b:1", "http://c:1"});
  fail(0, 5);
  fail(1, 50);
  EXPECT_THAT(states(), ElementsAre(State::ejected, State::up, State::up));
}

TEST_F(GroupTest, TheLastUsableEndpointIsNeverEjected) {
  start({"http://a:1"});
  fail(0, 50);
  EXPECT_THAT(states(), ElementsAre(State::up));
  start({"http://a:1", "http://b:1"});
  group_->on_check(endpoint(1), Condition::down, "refused", now_);
  fail(0, 50);
  EXPECT_THAT(states(), ElementsAre(State::up, State::down));
}

TEST_F(GroupTest, AnEjectionLastsTwiceAsLongAsTheOneBefore) {
  start({"http://a:1", "http://b:1"});
  fail(0, 5);
  for (const Duration expected : {10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
    const Duration lasts = endpoint(0).ejected_until() - now_;
    EXPECT_LE(lasts, expected);
    EXPECT_GE(lasts, expected * 9 / 10);
    EXPECT_FALSE(endpoint(0).begin_trial(endpoint(0).ejected_until() - 1ns));
    now_ = endpoint(0).ejected_until();
    EXPECT_TRUE(endpoint(0).begin_trial(now_));
    EXPECT_FALSE(endpoint(0).begin_trial(now_)) << "one request tries it";
    fail(0);
  }
}

TEST_F(GroupTest, ATrialThatSucceedsBeginsASlowStart) {
  start({"http://a:1", "http://b:1"});
  fail(0, 5);
  now_ += 10s;
  ASSERT_TRUE(endpoint(0).begin_trial(now_));
  EXPECT_EQ(states()[0], State::ejected);
  succeed(0);
  EXPECT_EQ(states()[0], State::starting);
  now_ += 10s;
  EXPECT_EQ(states()[0], State::up);
  EXPECT_EQ(events_.back(), "endpoint http://a:1 is up again");
  // The endpoint has worked for long enough, so the next ejection is as short as the first.
  now_ += 5min;
  fail(0, 5);
  EXPECT_LE(endpoint(0).ejected_until() - now_, 10s);
}

TEST_F(GroupTest, AVeryLongEjectionDoesNotOverflow) {
  start({"http://a:1", "http://b:1"},
        {.eject_time = 24h * 365 * 100, .max_eject_time = Duration::max()});
  fail(0, 5);
  for (int i = 0; i < 3; ++i) {
    EXPECT_GT(endpoint(0).ejected_until(), now_);
    endpoint(0).become(Condition::trying, now_);
    fail(0);
  }
}

// Regression: the endpoint stayed ejected until a trial, although it served all requests.
TEST_F(GroupTest, AnEjectedEndpointThatServesIsReinstated) {
  start({"http://a:1", "http://b:1"});
  fail(0, 5);
  group_->on_check(endpoint(1), Condition::down, "refused", now_);
  succeed(0);
  EXPECT_THAT(states(), ElementsAre(State::ejected, State::down)) << "from before the ejection";
  group_->on_success(endpoint(0), true, now_);
  EXPECT_THAT(states(), ElementsAre(State::starting, State::down));
}

// Regression: a request that never ended kept all other requests from trying.
TEST_F(GroupTest, ALongTrialDoesNotBlockTheNext) {
  start({"http://a:1", "http://b:1"});
  fail(0, 5);
  now_ += 10s;
  ASSERT_TRUE(endpoint(0).begin_trial(now_));
  now_ += Endpoint::kTrialTime - 1ns;
  EXPECT_FALSE(endpoint(0).begin_trial(now_));
  now_ += 1ns;
  EXPECT_TRUE(endpoint(0).begin_trial(now_));
  EXPECT_FALSE(endpoint(0).begin_trial(now_));
  succeed(0);
  EXPECT_EQ(states()[0], State::starting);
}

TEST_F(GroupTest, AnInconclusiveTrialIsRepeated) {
  start({"http://a:1", "http://b:1"});
  fail(0, 5);
  now_ += 10s;
  ASSERT_TRUE(endpoint(0).begin_trial(now_));
  group_->end_trial(endpoint(0), now_);
  EXPECT_TRUE(endpoint(0).begin_trial(now_));
}

TEST_F(GroupTest, OnlyChecksDecideWhichEndpointsAreDown) {
  start({"http://a:1", "http://b:1"});
  group_->on_check(endpoint(0), Condition::down, "status 500", now_);
  group_->on_check(endpoint(1), Condition::down, "refused", now_);
  EXPECT_THAT(states(), ElementsAre(State::down, State::down));
  group_->on_check(endpoint(0), Condition::leaving, "", now_);
  EXPECT_THAT(states(), ElementsAre(State::draining, State::down));
  group_->on_check(endpoint(0), Condition::usable, "", now_);
  EXPECT_THAT(states(), ElementsAre(State::starting, State::down));
  EXPECT_THAT(
      events_,
      ElementsAre("endpoint http://a:1 is down: status 500", "endpoint http://b:1 is down: refused",
                  "endpoint http://a:1 is draining", "endpoint http://a:1 is up again"));
}

TEST_F(GroupTest, AGoodCheckDoesNotEndAnEjection) {
  start({"http://a:1", "http://b:1"});
  fail(0, 5);
  group_->on_check(endpoint(0), Condition::usable, "", now_);
  EXPECT_EQ(states()[0], State::ejected);
}

TEST_F(GroupTest, ARemainingEndpointKeepsItsState) {
  start({"http://a:1", "http://b:1"});
  fail(0, 5);
  update({"http://c:1", "http://a:1"});
  EXPECT_THAT(states(), ElementsAre(State::starting, State::ejected));
  update({"http://b:1"});
  EXPECT_EQ(group_->members()->size(), 1u);
}

TEST_F(GroupTest, ARemovedEndpointIsListedWhileItHasRequests) {
  start({"http://a:1", "http://b:1"});
  auto kept = (*group_->members())[0].endpoint;
  fail(0, 5);
  {
    const transport::EndpointUse use({kept, &kept->load});
    update({"http://b:1"});
    EXPECT_THAT(states(), ElementsAre(State::up, State::draining));
    update({"http://b:1", "http://a:1"});
    EXPECT_THAT(states(), ElementsAre(State::up, State::ejected)) << "its health is not forgotten";
    update({"http://b:1"});
  }
  EXPECT_THAT(states(), ElementsAre(State::up));
}

// Name servers may leave out some of the addresses in each response.
TEST_F(GroupTest, ARemovedEndpointIsRememberedForAMinute) {
  start({"http://a:1", "http://b:1"});
  fail(0, 5);
  update({"http://b:1"});
  now_ += 59s;
  update({"http://b:1"});
  update({"http://b:1", "http://a:1"});
  EXPECT_THAT(states(), ElementsAre(State::up, State::ejected));
  update({"http://b:1"});
  now_ += 60s;
  update({"http://b:1", "http://a:1"});
  EXPECT_THAT(states(), ElementsAre(State::up, State::starting));
}

TEST_F(GroupTest, LimitsTheRemovedEndpointsThatAreRemembered) {
  std::vector<Upstream::Endpoint> many;
  for (int i = 0; i < 1500; ++i)
    many.emplace_back("http://a:" + std::to_string(i + 1));
  start(many);
  std::vector<std::weak_ptr<Endpoint>> all;
  for (const Member& member : *group_->members())
    all.emplace_back(member.endpoint);
  const transport::EndpointUse use({all[0].lock(), &all[0].lock()->load});
  update({"http://b:1"});
  EXPECT_EQ(std::ranges::count_if(all, [](const auto& one) { return !one.expired(); }),
            Group::kMaxRemembered + 1);
  now_ += 60s;
  update({"http://b:1"});
  EXPECT_EQ(std::ranges::count_if(all, [](const auto& one) { return !one.expired(); }), 1);
}

TEST_F(GroupTest, AReplacementInheritsTheStatesOfItsPredecessor) {
  const std::vector<Upstream::Endpoint> list = {"http://a:1", "http://b:1", "http://c:1",
                                                "http://d:1"};
  start(list, {.health = {.kind = Upstream::HealthCheck::Kind::tcp}});
  fail(0, 5);
  group_->on_check(endpoint(1), Condition::down, "refused", now_);
  fail(2, 4);
  update({"http://a:1", "http://b:1", "http://c:1"});
  const auto next = [&](Upstream::HealthCheck::Kind kind) {
    Upstream::Options options{.endpoints = list, .health = {.kind = kind}};
    return std::make_unique<Group>(std::move(options), group_.get(), now_);
  };
  auto checked = next(Upstream::HealthCheck::Kind::http);
  auto unchecked = next(Upstream::HealthCheck::Kind::none);
  group_ = std::move(checked);
  EXPECT_THAT(states(), ElementsAre(State::ejected, State::down, State::up, State::up));
  const auto status = group_->statuses(now_)[0];
  EXPECT_EQ(status.failures_total, 5u);
  EXPECT_EQ(status.ejections_total, 1u);
  EXPECT_EQ(status.last_failure, "reset");
  EXPECT_FALSE(endpoint(0).begin_trial(now_));
  EXPECT_TRUE(endpoint(0).begin_trial(now_ + 10s));
  group_ = std::move(unchecked);
  EXPECT_THAT(states(), ElementsAre(State::ejected, State::up, State::up, State::up))
      << "no check would find that it works again";
  fail(2);
  EXPECT_EQ(states()[2], State::ejected);
}

TEST_F(GroupTest, AReplacementKeepsARandomKey) {
  const auto cookie = [](const Group& group) { return (*group.members())[0].cookie; };
  const auto options = [](std::string key) {
    return Upstream::Options{.endpoints = {"http://a:1"}, .sticky = {.name = "s", .key = key}};
  };
  const Group first(options(""));
  EXPECT_EQ(cookie(Group(options(""), &first)), cookie(first));
  EXPECT_NE(cookie(Group(options(""))), cookie(first));
  const Group given(options("0123456789abcdef"), &first);
  EXPECT_NE(cookie(given), cookie(first));
  EXPECT_NE(cookie(Group(options(""), &given)), cookie(given)) << "that was not made to last";
}

TEST_F(GroupTest, ANewEndpointWaitsForItsFirstCheck) {
  start({"http://a:1"}, {.health = {.kind = Upstream::HealthCheck::Kind::tcp}});
  EXPECT_EQ(states()[0], State::up) << "at the start all are taken as good";
  update({"http://a:1", "http://b:1"});
  EXPECT_EQ(states()[1], State::down);
  group_->on_check(endpoint(1), Condition::usable, "", now_);
  EXPECT_EQ(states()[1], State::starting);
  EXPECT_THAT(events_, ElementsAre("endpoint http://b:1 is up"));
}

TEST_F(GroupTest, RefusesInvalidLists) {
  using Endpoints = std::vector<Upstream::Endpoint>;
  start({"http://a:1"});
  const Endpoints bad[] = {{"http://a:1/path"},
                           {"http://a:1?q"},
                           {"http://a:1", "http://A:1"},
                           {{Url::parse("http://a:1").value(), -1}},
                           {{Url::parse("http://a:1").value(), std::nan("")}},
                           {{Url()}}};
  for (const Endpoints& endpoints : bad) {
    EXPECT_THROW(update(endpoints), std::invalid_argument);
    EXPECT_EQ(group_->members()->size(), 1u);
  }
  EXPECT_THROW(start({"http://a:1"}, {.max_attempts = 0}), std::invalid_argument);
  EXPECT_THROW(start({"http://a:1"}, {.balance = Balance::hash}), std::invalid_argument);
  EXPECT_THROW(start({"http://a:1"}, {.sticky = {.name = "s", .key = "short"}}),
               std::invalid_argument);
  EXPECT_THROW(start({"http://a:1"}, {.sticky = {.name = "no name"}}), std::invalid_argument);
}

}  // namespace
}  // namespace onehop::upstream
