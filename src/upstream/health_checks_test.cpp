// SPDX-License-Identifier: Apache-2.0
//
// Checks while the list of endpoints changes, with real connections and the real clock.
#include "upstream/health_checks.hpp"

#include <onehop/detail/clock.hpp>

#include "net/tcp_listener.hpp"
#include "upstream/upstream_access.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::upstream {
namespace {

using namespace std::chrono_literals;
using State = Upstream::State;

// A port on which the kernel accepts or refuses connections.
class Place {
 public:
  Place() {
    open("127.0.0.1:0");
    address_ = listener_->address().to_string();
  }
  void refuse() { listener_.reset(); }
  void accept() { open(address_); }
  Upstream::Endpoint endpoint() const { return {"http://" + address_}; }

 private:
  void open(const std::string& address) {
    auto opened = net::TcpListener::open(net::Address::parse_listen(address).value(), {});
    ASSERT_TRUE(opened) << opened.error().to_string();
    listener_.emplace(std::move(*opened));
  }

  std::optional<net::TcpListener> listener_;
  std::string address_;
};

class HealthChecksTest : public ::testing::Test {
 protected:
  static Upstream::Options checked(std::vector<Upstream::Endpoint> endpoints) {
    Upstream::Options options{.endpoints = std::move(endpoints)};
    options.health = {
        .kind = Upstream::HealthCheck::Kind::tcp, .interval = 1ms, .down_after = 1, .up_after = 1};
    options.slow_start = 0s;
    return options;
  }
  void start(std::vector<Upstream::Endpoint> endpoints) {
    group_ = std::make_shared<Group>(checked(std::move(endpoints)));
    checks_.emplace(group_);
  }
  void update(std::vector<Upstream::Endpoint> endpoints) {
    group_->update(std::move(endpoints), detail::now(), Arrival::later);
  }
  State state(std::size_t index) { return group_->statuses(detail::now()).at(index).state; }
  bool becomes(std::size_t index, State wanted) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (state(index) != wanted && std::chrono::steady_clock::now() < give_up)
      std::this_thread::yield();
    return state(index) == wanted;
  }

  Place a_, b_, c_;
  std::shared_ptr<Group> group_;
  std::optional<HealthChecks> checks_;
};

TEST_F(HealthChecksTest, ContinueWhileTheListChanges) {
  start({a_.endpoint(), b_.endpoint()});
  b_.refuse();
  EXPECT_TRUE(becomes(1, State::down));
  c_.refuse();
  update({b_.endpoint(), a_.endpoint(), c_.endpoint()});
  EXPECT_EQ(state(0), State::down) << "as it was";
  EXPECT_EQ(state(1), State::up);
  EXPECT_EQ(state(2), State::down) << "before its first good check";
  c_.accept();
  EXPECT_TRUE(becomes(2, State::up));
  a_.refuse();
  EXPECT_TRUE(becomes(1, State::down));
  update({c_.endpoint(), b_.endpoint()});
  b_.accept();
  EXPECT_TRUE(becomes(1, State::up));
  update({a_.endpoint(), b_.endpoint()});
  EXPECT_EQ(state(0), State::down) << "it is remembered";
  a_.accept();
  EXPECT_TRUE(becomes(0, State::up));
}

class EndOfHealthChecksTest : public HealthChecksTest {
 protected:
  // Expects no checks of an Upstream after `end` has ended them. The checks of another Upstream
  // show that time passes.
  void expect_none_after(const std::function<void(Upstream&)>& end) {
    std::atomic<int> changes = 0;
    Upstream::Options options = checked({a_.endpoint()});
    options.on_change = [&changes](std::string_view) { ++changes; };
    Upstream ended(std::move(options));
    start({a_.endpoint()});
    a_.refuse();
    EXPECT_TRUE(becomes(0, State::down));
    wait_for(changes);
    end(ended);
    const int before = changes;
    for (int i = 0; i < 2; ++i) {
      a_.accept();
      EXPECT_TRUE(becomes(0, State::up));
      a_.refuse();
      EXPECT_TRUE(becomes(0, State::down));
    }
    EXPECT_EQ(changes, before);
    EXPECT_EQ(ended.endpoints().at(0).state, State::down) << "as it was";
  }

 private:
  static void wait_for(const std::atomic<int>& changes) {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (changes == 0 && std::chrono::steady_clock::now() < give_up)
      std::this_thread::yield();
    EXPECT_GT(changes, 0);
  }
};

TEST_F(EndOfHealthChecksTest, AnUpstreamOfAReplacedProcessMakesNone) {
  expect_none_after([](Upstream& upstream) { detail::UpstreamAccess::end_checks(upstream); });
}

TEST_F(EndOfHealthChecksTest, AnUpstreamReplacedByAReloadMakesNone) {
  expect_none_after([](Upstream& upstream) { detail::UpstreamAccess::retire(upstream); });
}

TEST_F(HealthChecksTest, AreCounted) {
  start({a_.endpoint(), b_.endpoint()});
  b_.refuse();
  ASSERT_TRUE(becomes(0, State::up));
  ASSERT_TRUE(becomes(1, State::down));
  const auto statuses = group_->statuses(detail::now());
  EXPECT_GT(statuses.at(0).checks_good_total, 0U);
  EXPECT_EQ(statuses.at(0).checks_failed_total, 0U);
  EXPECT_GT(statuses.at(1).checks_failed_total, 0U);
  EXPECT_EQ(statuses.at(1).checks_draining_total, 0U);
}

}  // namespace
}  // namespace onehop::upstream
