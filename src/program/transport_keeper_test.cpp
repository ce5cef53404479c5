// SPDX-License-Identifier: Apache-2.0
#include "program/transport_keeper.hpp"

#include <onehop/request.hpp>

#include "io/reactor.hpp"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

namespace onehop::program {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

config::Configuration towards(const char* backend) {
  config::Configuration configuration;
  configuration.backend = Url::parse(backend).value();
  return configuration;
}

class TransportKeeperTest : public ::testing::Test {
 protected:
  // Prepares and commits. Returns whether the transport is new.
  bool is_new(const config::Configuration& configuration) {
    auto prepared = keeper_.prepare(configuration);
    EXPECT_TRUE(prepared);
    if (!prepared) return false;
    const bool is_other = prepared->transports().at("") != keeper_.get();
    EXPECT_EQ(prepared->has_new(), is_other);
    keeper_.commit(std::move(*prepared));
    return is_other;
  }

  TransportKeeper keeper_;
};

TEST_F(TransportKeeperTest, EqualOptionsKeepTheTransport) {
  config::Configuration configuration = towards("http://127.0.0.1:1");
  EXPECT_TRUE(is_new(configuration));
  EXPECT_FALSE(is_new(configuration));
  configuration.backend = Url::parse("http://127.0.0.1:2").value();
  configuration.server.max_body = 1;
  EXPECT_FALSE(is_new(configuration));
}

TEST_F(TransportKeeperTest, LimitsChangeInPlace) {
  config::Configuration configuration = towards("http://127.0.0.1:1");
  EXPECT_TRUE(is_new(configuration));
  configuration.transport.max_connections = 7;
  configuration.transport.retry_budget = 0.5;
  EXPECT_FALSE(is_new(configuration));
  EXPECT_FALSE(is_new(configuration));
}

TEST_F(TransportKeeperTest, OtherOptionsMakeANewTransport) {
  config::Configuration configuration = towards("http://127.0.0.1:1");
  EXPECT_TRUE(is_new(configuration));
  configuration.transport.response_timeout = 7s;
  EXPECT_TRUE(is_new(configuration));
  configuration.transport.tls.insecure = true;
  EXPECT_TRUE(is_new(configuration));
}

TEST_F(TransportKeeperTest, NothingChangesBeforeTheCommit) {
  config::Configuration configuration = towards("http://127.0.0.1:1");
  EXPECT_TRUE(is_new(configuration));
  const auto before = keeper_.get();
  configuration.transport.response_timeout = 7s;
  EXPECT_TRUE(keeper_.prepare(configuration));
  EXPECT_EQ(keeper_.get(), before);
}

TEST_F(TransportKeeperTest, OtherSettingsDoNotForgetBackends) {
  config::Configuration configuration = towards("http://127.0.0.1:1");
  configuration.backends = {{.url = configuration.backend},
                            {.url = Url::parse("http://127.0.0.1:2").value()}};
  const auto reload = [&] {
    auto prepared = keeper_.prepare(configuration);
    ASSERT_TRUE(prepared);
    keeper_.commit(std::move(*prepared));
  };
  reload();
  {
    const auto prepared = keeper_.prepare(configuration);
    ASSERT_TRUE(prepared);
    const auto upstream = prepared->transports().at("");
    io::Reactor reactor;
    const io::Reactor::Enter enter(reactor);
    auto work = upstream->round_trip(Request(Method::get, configuration.backend));
    work.start();
    while (!work.done())
      reactor.run_once(100ms);
    EXPECT_FALSE(work.take()) << "nothing listens on these ports";
  }
  const auto failures = [this] { return keeper_.endpoints().at("").statuses.at(0).failures_total; };
  const auto before = failures();
  EXPECT_GT(before, 0U);
  configuration.upstream.slow_start = 7s;
  reload();
  EXPECT_EQ(failures(), before);
  configuration.transport.response_timeout = 7s;
  reload();
  EXPECT_EQ(failures(), before);
}

TEST_F(TransportKeeperTest, StatisticsIncludeFormerTransports) {
  config::Configuration configuration = towards("http://127.0.0.1:1");
  EXPECT_TRUE(is_new(configuration));
  auto former = keeper_.get();
  {
    io::Reactor reactor;
    const io::Reactor::Enter enter(reactor);
    auto work = former->round_trip(Request(Method::get, configuration.backend));
    work.start();
    while (!work.done())
      reactor.run_once(100ms);
    EXPECT_FALSE(work.take()) << "nothing listens on port 1";
  }
  const std::uint64_t failed = observe::sum_of(keeper_.statistics()).dials_failed;
  EXPECT_GT(failed, 0U);
  configuration.transport.response_timeout = 7s;
  EXPECT_TRUE(is_new(configuration));
  EXPECT_EQ(observe::sum_of(keeper_.statistics()).dials_failed, failed);
  EXPECT_EQ(keeper_.get()->statistics().dials_failed, 0U);
  former.reset();
  EXPECT_EQ(observe::sum_of(keeper_.statistics()).dials_failed, failed);
}

// Returns the endpoints of the Upstream at the top level, as "URL" or "URL xWEIGHT".
std::vector<std::string> endpoints_of(const TransportKeeper& keeper) {
  std::vector<std::string> all;
  const auto statuses = keeper.endpoints().at("").statuses;
  for (const Upstream::Status& one : statuses)
    all.push_back(one.endpoint.url.to_string() +
                  (one.endpoint.weight == 1
                       ? std::string()
                       : " x" + std::to_string(static_cast<int>(one.endpoint.weight))));
  return all;
}

class KeeperOfUpstreamTest : public ::testing::Test {
 protected:
  // Prepares and commits. Returns whether the Upstream is new.
  bool is_new(const config::Configuration& configuration) {
    auto prepared = keeper_.prepare(configuration);
    EXPECT_TRUE(prepared) << prepared.error().to_string();
    if (!prepared) return false;
    const auto upstream = prepared->all.at("").upstream;
    EXPECT_EQ(prepared->transports().at(""), upstream);
    EXPECT_EQ(prepared->all.at("").has_new_upstream, upstream != before_);
    keeper_.commit(std::move(*prepared));
    return std::exchange(before_, upstream) != upstream;
  }
  static config::Configuration towards_all(std::vector<config::BackendAddress> backends) {
    config::Configuration configuration;
    configuration.backend = backends.front().url;
    configuration.backends = std::move(backends);
    return configuration;
  }
  static config::BackendAddress at(const char* url, double weight = 1) {
    return {.url = Url::parse(url).value(), .weight = weight};
  }

  TransportKeeper keeper_;
  std::shared_ptr<Upstream> before_;
};

TEST_F(KeeperOfUpstreamTest, AnotherListKeepsTheUpstream) {
  EXPECT_TRUE(is_new(towards_all({at("http://a"), at("http://b")})));
  EXPECT_THAT(endpoints_of(keeper_), ElementsAre("http://a", "http://b"));
  EXPECT_FALSE(is_new(towards_all({at("http://b", 3), at("http://c")})));
  EXPECT_THAT(endpoints_of(keeper_), ElementsAre("http://b x3", "http://c"));
}

TEST_F(KeeperOfUpstreamTest, OtherSettingsMakeANewUpstreamOnTheSameTransport) {
  config::Configuration configuration = towards_all({at("http://a"), at("http://b")});
  EXPECT_TRUE(is_new(configuration));
  const auto transport = keeper_.get();
  configuration.upstream.balance = Balance::random;
  EXPECT_TRUE(is_new(configuration));
  configuration.host_header = "backend";
  EXPECT_TRUE(is_new(configuration));
  EXPECT_FALSE(is_new(configuration));
  EXPECT_EQ(keeper_.get(), transport);
  configuration.transport.response_timeout = 7s;
  EXPECT_TRUE(is_new(configuration)) << "it is over another transport";
}

TEST_F(KeeperOfUpstreamTest, OneBackendNeedsNoUpstream) {
  EXPECT_FALSE(keeper_.prepare(towards_all({at("http://a")}))->all.at("").upstream);
  config::Configuration checked = towards_all({at("http://a")});
  checked.upstream.eject_time = 1s;
  EXPECT_TRUE(is_new(checked));
}

TEST_F(KeeperOfUpstreamTest, OtherNamesToResolveMakeANewUpstream) {
  config::Configuration configuration = towards_all({at("http://127.0.0.1:1")});
  configuration.upstream.resolve = Upstream::Resolve::each;
  EXPECT_TRUE(is_new(configuration));
  EXPECT_FALSE(is_new(configuration));
  configuration.backends.front() = at("http://127.0.0.1:2");
  EXPECT_TRUE(is_new(configuration));
}

TEST_F(KeeperOfUpstreamTest, TheCookieKeyIsComparedByItsContents) {
  const fs::path file =
      fs::temp_directory_path() / ("onehop-keeper-" + std::to_string(::getpid()) + ".key");
  std::ofstream(file) << std::string(16, 'a');
  config::Configuration configuration = towards_all({at("http://a"), at("http://b")});
  configuration.upstream.sticky = "cookie";
  configuration.upstream.sticky_key = file.string();
  EXPECT_TRUE(is_new(configuration));
  EXPECT_FALSE(is_new(configuration));
  std::ofstream(file) << std::string(16, 'b');
  EXPECT_TRUE(is_new(configuration));
  std::ofstream(file) << "short";
  const auto prepared = keeper_.prepare(configuration);
  ASSERT_FALSE(prepared);
  EXPECT_TRUE(prepared.error().is(Errc::bad_option));
  EXPECT_THAT(endpoints_of(keeper_), ElementsAre("http://a", "http://b")) << "nothing has changed";
  fs::remove(file);
}

// A route with its own settings for the backend keeps its connections when it names another
// upstream, but that upstream's sticky cookie has another name.
TEST_F(KeeperOfUpstreamTest, AnotherNameOfTheListMakesANewUpstream) {
  config::Configuration configuration = towards_all({at("http://a"), at("http://b")});
  configuration.upstream.sticky = "cookie";
  configuration.table.backends = "a";
  EXPECT_TRUE(is_new(configuration));
  EXPECT_FALSE(is_new(configuration));
  configuration.table.backends = "b";
  EXPECT_TRUE(is_new(configuration));
}

TEST_F(TransportKeeperTest, EndpointsUseTheNamesOfTheSettings) {
  config::Configuration configuration = towards("http://127.0.0.1:1");
  EXPECT_TRUE(is_new(configuration));
  EXPECT_TRUE(keeper_.endpoints().empty()) << "one backend is no upstream of several";
  configuration.backends = {{.url = Url::parse("http://127.0.0.1:1").value()},
                            {.url = Url::parse("http://127.0.0.1:2").value(), .weight = 2}};
  configuration.upstream.balance = Balance::round_robin;
  const auto endpoints_now = [&] {
    auto prepared = keeper_.prepare(configuration);
    EXPECT_TRUE(prepared);
    if (prepared) keeper_.commit(std::move(*prepared));
    return keeper_.endpoints().at("");
  };
  observe::UpstreamEndpoints endpoints = endpoints_now();
  EXPECT_EQ(endpoints.balance, "round-robin");
  EXPECT_EQ(endpoints.sticky, "");
  ASSERT_EQ(endpoints.statuses.size(), 2u);
  EXPECT_EQ(endpoints.statuses[1].endpoint.weight, 2);
  configuration.upstream.sticky = "cookie";
  endpoints = endpoints_now();
  EXPECT_EQ(endpoints.balance, "round-robin");
  EXPECT_EQ(endpoints.sticky, "cookie");
  configuration.upstream.sticky = "header:X-User";
  endpoints = endpoints_now();
  EXPECT_EQ(endpoints.balance, "hash") << "it decides, not the setting";
  EXPECT_EQ(endpoints.sticky, "header:X-User");
}

TEST_F(TransportKeeperTest, FilesAreComparedByTheirContents) {
  const fs::path file =
      fs::temp_directory_path() / ("onehop-keeper-" + std::to_string(::getpid()) + ".pem");
  std::ofstream(file) << "one";
  config::Configuration configuration = towards("http://127.0.0.1:1");
  configuration.transport.tls.ca_file = file.string();
  EXPECT_TRUE(is_new(configuration));
  std::ofstream(file) << "one";
  EXPECT_FALSE(is_new(configuration));
  std::ofstream(file) << "two";
  EXPECT_TRUE(is_new(configuration));
  configuration.backend = Url::parse("https://127.0.0.1:1").value();
  const auto prepared = keeper_.prepare(configuration);
  ASSERT_FALSE(prepared) << "it is no certificate";
  EXPECT_TRUE(prepared.error().is(Errc::bad_option));
  EXPECT_THAT(std::string(prepared.error().detail()), ::testing::HasSubstr(file.string()));
  fs::remove(file);
}

}  // namespace
}  // namespace onehop::program
