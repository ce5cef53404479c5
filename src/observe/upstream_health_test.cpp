// SPDX-License-Identifier: Apache-2.0
#include "observe/upstream_health.hpp"

#include "support/sample_exchange.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using test::kStart;

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): of tests
using Statistics = Transport::Statistics;
using Health = Overview::Health;

class UpstreamHealthTest : public ::testing::Test {
 protected:
  UpstreamHealthTest() { use("http://localhost:8000"); }

  void use(const char* backend) {
    backends_.clear();
    add(backend);
  }
  // Adds a backend and makes it current(), to which dial() and attempt() connect.
  void add(const char* backend) {
    const Url url = *Url::parse(backend);
    backends_.push_back({.url = url, .shown = backend});
    transport_.upstreams.insert(
        transport_.upstreams.begin(),
        {.scheme = std::string(url.scheme()), .host = std::string(url.host()), .port = url.port()});
  }
  // Records an attempt to connect to the backend, whose last address is `address`.
  void dial(const std::string& address, bool succeeds, Time at) {
    attempt(address, succeeds, at);
    current().attempts.add(succeeds, at);
  }
  void attempt(const std::string& address, bool succeeds, Time at) {
    at_transport(address).attempts.add(succeeds, at);
  }
  // Records a request that got a connection at `at`.
  void serve(const std::string& address, Time at) {
    counted(address).requests[2] += 1;
    counted(address).last = at;
  }
  Statistics::Upstream& current() { return transport_.upstreams.front(); }
  Statistics::Address& at_transport(const std::string& address) {
    auto& all = current().addresses;
    const auto found = std::ranges::find(all, address, &Statistics::Address::address);
    return found != all.end() ? *found : all.emplace_back(Statistics::Address{.address = address});
  }
  RequestTotals::Address& counted(const std::string& address) {
    auto& all = requests_.addresses;
    const auto found = std::ranges::find(all, address, &RequestTotals::Address::address);
    return found != all.end() ? *found
                              : all.emplace_back(RequestTotals::Address{.address = address});
  }
  // Returns the unused addresses.
  std::vector<std::string> decide() {
    decided_ = requests_;
    return add_health(decided_, {.transport = transport_,
                                 .backends = backends_,
                                 .is_configured = is_configured_,
                                 .former = former_});
  }
  const RequestTotals::Address* row(const std::string& address) const {
    const auto found =
        std::ranges::find(decided_.addresses, address, &RequestTotals::Address::address);
    return found == decided_.addresses.end() ? nullptr : &*found;
  }
  Health health_of(const std::string& address) {
    decide();
    return row(address) ? row(address)->health : Health::unused;
  }

  std::vector<ConfiguredBackend> backends_;
  bool is_configured_ = true;
  Statistics transport_;
  FormerBackend former_;
  RequestTotals::Upstream requests_, decided_;
};

TEST_F(UpstreamHealthTest, IsUnknownBeforeTheFirstAttempt) {
  decide();
  EXPECT_EQ(decided_.health, Health::unused);
  EXPECT_TRUE(decided_.addresses.empty());
}

TEST_F(UpstreamHealthTest, IsListedByUrlUntilAnAddressIsKnown) {
  dial("127.0.0.1:8000", false, kStart);
  dial("127.0.0.1:8000", false, kStart + 1s);
  EXPECT_EQ(health_of("localhost:8000"), Health::down);
  EXPECT_EQ(row("localhost:8000")->since, kStart);
  dial("127.0.0.1:8000", true, kStart + 2s);
  serve("127.0.0.1:8000", kStart + 2s);
  EXPECT_EQ(health_of("127.0.0.1:8000"), Health::up);
  EXPECT_EQ(row("127.0.0.1:8000")->since, kStart + 2s);
  EXPECT_EQ(row("localhost:8000"), nullptr) << "it is the same backend";
}

// Regression: one refused connection left a separate row that stayed down forever.
TEST_F(UpstreamHealthTest, ANewerSuccessAtAnyAddressEndsAFailure) {
  counted("").requests[0] = 1;
  dial("127.0.0.1:8000", false, kStart);
  serve("[::1]:8000", kStart - 1s);
  EXPECT_EQ(health_of("[::1]:8000"), Health::down) << "that of the upstream";
  EXPECT_EQ(decided_.health, Health::down);
  serve("[::1]:8000", kStart + 1s);
  EXPECT_EQ(health_of("[::1]:8000"), Health::up) << "over a connection that was there before";
  EXPECT_EQ(decided_.health, Health::up);
  EXPECT_EQ(decided_.addresses.size(), 2U);
}

TEST_F(UpstreamHealthTest, OneAddressMayBeDownAlone) {
  serve("10.0.0.1:80", kStart);
  serve("10.0.0.2:80", kStart);
  attempt("10.0.0.1:80", false, kStart + 1s);
  dial("10.0.0.2:80", true, kStart + 1s);
  EXPECT_EQ(health_of("10.0.0.1:80"), Health::down);
  EXPECT_EQ(row("10.0.0.1:80")->since, kStart + 1s);
  EXPECT_EQ(row("10.0.0.2:80")->health, Health::up);
  EXPECT_EQ(decided_.health, Health::up);
}

TEST_F(UpstreamHealthTest, ListsTheConnectionsOfTheTransport) {
  serve("10.0.0.1:80", kStart);
  Statistics::Address& busy = at_transport("10.0.0.1:80");
  busy.open = 5;
  busy.idle = 2;
  busy.requests = 3;
  Statistics::Address& fresh = at_transport("10.0.0.2:80");
  fresh.open = fresh.requests = 1;
  dial("10.0.0.2:80", true, kStart);
  decide();
  EXPECT_EQ(row("10.0.0.1:80")->open, 5U);
  EXPECT_EQ(row("10.0.0.1:80")->idle, 2U);
  EXPECT_EQ(row("10.0.0.1:80")->in_flight, 3U);
  ASSERT_TRUE(row("10.0.0.2:80")) << "its first request has not ended yet";
  EXPECT_EQ(row("10.0.0.2:80")->in_flight, 1U);
}

TEST_F(UpstreamHealthTest, AFormerBackendDrainsUntilItIsUnused) {
  serve("10.0.0.1:80", kStart);
  dial("10.0.0.1:80", false, kStart + 1s);
  at_transport("10.0.0.1:80").open = at_transport("10.0.0.1:80").requests = 1;
  former_.until = kStart + 2s;
  use("http://b.example");
  EXPECT_TRUE(decide().empty());
  EXPECT_EQ(row("10.0.0.1:80")->health, Health::draining);
  EXPECT_EQ(row("10.0.0.1:80")->in_flight, 1U);
  EXPECT_EQ(decided_.health, Health::unused) << "of the new one nothing is known";
  transport_.upstreams.back().addresses.front().open = 0;
  EXPECT_EQ(decide(), std::vector<std::string>{"10.0.0.1:80"});
  EXPECT_TRUE(decided_.addresses.empty());
  dial("10.0.0.9:80", false, kStart + 3s);
  EXPECT_EQ(health_of("b.example:80"), Health::down);
}

TEST_F(UpstreamHealthTest, AReusedBackendStartsWithoutItsEarlierFailures) {
  dial("127.0.0.1:8000", false, kStart);
  former_.until = kStart + 1s;
  decide();
  EXPECT_EQ(decided_.health, Health::unused);
}

// Regression: one backend that was down made all backends down.
TEST_F(UpstreamHealthTest, IsSeparateForEachBackend) {
  dial("127.0.0.1:8000", true, kStart);
  serve("127.0.0.1:8000", kStart);
  add("http://127.0.0.1:9000");
  dial("127.0.0.1:9000", false, kStart + 1s);
  counted("").requests[0] = 1;
  EXPECT_EQ(health_of("127.0.0.1:8000"), Health::up);
  EXPECT_EQ(row("127.0.0.1:8000")->backend, "http://localhost:8000");
  ASSERT_TRUE(row("127.0.0.1:9000")) << "no request has had a connection to it";
  EXPECT_EQ(row("127.0.0.1:9000")->health, Health::down);
  EXPECT_EQ(row("127.0.0.1:9000")->backend, "http://127.0.0.1:9000");
  EXPECT_EQ(decided_.health, Health::up);
  transport_.upstreams.back().attempts.add(false, kStart + 2s);
  EXPECT_EQ(health_of("127.0.0.1:8000"), Health::down);
  EXPECT_EQ(decided_.health, Health::down);
}

TEST_F(UpstreamHealthTest, ARemovedBackendDrainsWhileAnotherStays) {
  dial("127.0.0.1:8000", true, kStart);
  serve("127.0.0.1:8000", kStart);
  at_transport("127.0.0.1:8000").open = 1;
  add("http://127.0.0.1:9000");
  serve("127.0.0.1:9000", kStart);
  backends_.erase(backends_.begin());
  EXPECT_EQ(health_of("127.0.0.1:8000"), Health::draining);
  EXPECT_EQ(health_of("127.0.0.1:9000"), Health::up);
}

TEST_F(UpstreamHealthTest, ARemovedUpstreamDisappearsWithItsLastConnection) {
  counted("").requests[0] = 1;
  dial("127.0.0.1:8000", true, kStart);
  serve("127.0.0.1:8000", kStart);
  at_transport("127.0.0.1:8000").open = 1;
  backends_.clear();
  is_configured_ = false;
  EXPECT_EQ(decide(), std::vector<std::string>{""});
  EXPECT_EQ(row("127.0.0.1:8000")->health, Health::draining);
  at_transport("127.0.0.1:8000").open = 0;
  decide();
  EXPECT_TRUE(decided_.addresses.empty());
}

TEST(AddressOf, MatchesTheAddressOfAnExchange) {
  EXPECT_EQ(address_of(*Url::parse("http://localhost:8000")), "localhost:8000");
  EXPECT_EQ(address_of(*Url::parse("http://[::1]:8000")), "[::1]:8000");
  EXPECT_EQ(address_of(*Url::parse("https://a.example")), "a.example:443");
  EXPECT_EQ(address_of(*Url::parse("unix:/run/app.sock")), "unix:/run/app.sock");
}

}  // namespace
}  // namespace onehop::observe
