// SPDX-License-Identifier: Apache-2.0
#include "net/resolver.hpp"

#include "net/dns_channel.hpp"
#include "support/failing_allocation.hpp"
#include "support/resolver_test.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST_F(ResolverTest, IpLiteralsNeedNoServer) {
  EXPECT_THAT(resolve("192.0.2.1", 8080), ElementsAre("192.0.2.1:8080"));
  EXPECT_THAT(resolve("::1"), ElementsAre("[::1]:80"));
  EXPECT_THAT(resolve("[2001:db8::1]"), ElementsAre("[2001:db8::1]:80"));
  EXPECT_EQ(server_.questions(), 0);
}

TEST_F(ResolverTest, ReturnsAllAddressesWithAlternatingFamilies) {
  NameServer::Host host;
  host.v4 = {"127.0.0.1", "127.0.0.2", "127.0.0.3"};
  host.v6 = {"::1"};
  server_.set_host("backend.test", host);
  const auto result = run_task(reactor_, resolver_.resolve("backend.test", 81));
  EXPECT_THAT(texts(result),
              UnorderedElementsAre("127.0.0.1:81", "127.0.0.2:81", "127.0.0.3:81", "[::1]:81"));
  ASSERT_EQ(result->size(), 4u);
  EXPECT_NE((*result)[0].family(), (*result)[1].family());
  EXPECT_EQ(server_.questions(), 2);
}

TEST_F(ResolverTest, RetriesATruncatedResponseOverTcp) {
  NameServer::Host host;
  for (int i = 1; i <= 60; ++i)
    host.v4.push_back("127.0.1." + std::to_string(i));
  server_.set_host("many.test", host);
  const auto addresses = resolve("many.test");
  EXPECT_EQ(addresses.size(), 24u) << "no more than those are tried";
  EXPECT_EQ(addresses.back(), "127.0.1.24:80");
  EXPECT_EQ(server_.questions_over_tcp(), 1);
  give("one.test", "127.0.0.1", 10);
  EXPECT_THAT(resolve("one.test"), ElementsAre("127.0.0.1:80"));
}

// Sorting an address takes a route look-up, so addresses that are not used must not be sorted.
TEST_F(ResolverTest, LimitsTheNumberOfAddressesToSort) {
  NameServer::Host host;
  for (int i = 1; i <= 60; ++i)
    host.v4.push_back("127.0.1." + std::to_string(i));
  server_.set_host("many.test", host);
  DnsChannel channel(reactor_, {server_.address(), seconds(10), 1});
  std::size_t count = 0;
  channel.query("many.test",
                [&count](const DnsChannel::Answer& answer) { count = answer.addresses.size(); });
  for (int i = 0; i < 1000 && count == 0; ++i)
    reactor_.run_once(milliseconds(10));
  EXPECT_EQ(count, DnsChannel::kMaxAddresses);
}

TEST_F(ResolverTest, CachesAResponseForItsTtl) {
  give("backend.test", "127.0.0.1", 10);
  EXPECT_FALSE(resolver_.known("backend.test", 80));
  EXPECT_THAT(resolve("backend.test", 80), ElementsAre("127.0.0.1:80"));
  give("backend.test", "127.0.0.2", 10);
  pass(seconds(7));
  EXPECT_THAT(resolve("backend.test", 90), ElementsAre("127.0.0.1:90"));
  EXPECT_TRUE(resolver_.known("backend.test", 80));
  EXPECT_EQ(server_.questions(), 2);
  pass(seconds(3));
  EXPECT_FALSE(resolver_.known("backend.test", 80));
  EXPECT_THAT(resolve("backend.test"), ElementsAre("127.0.0.2:80"));
  EXPECT_EQ(server_.questions(), 4);
}

TEST_F(ResolverTest, RefreshesANameInUseBeforeItsTtlEnds) {
  give("backend.test", "127.0.0.1", 10);
  resolve("backend.test");
  give("backend.test", "127.0.0.2", 10);
  pass(seconds(8));
  const io::Reactor::Enter enter(reactor_);
  for (int i = 0; i < 2; ++i) {
    auto look_up = resolver_.resolve("backend.test", 80);
    ASSERT_TRUE(look_up.start()) << "it does not wait";
    EXPECT_THAT(texts(look_up.take()), ElementsAre("127.0.0.1:80"));
  }
  const auto give_up = std::chrono::steady_clock::now() + seconds(10);
  while (resolver_.known("backend.test", 80).value().front().ip() != "127.0.0.2" &&
         std::chrono::steady_clock::now() < give_up)
    reactor_.run_once(milliseconds(100));
  EXPECT_EQ(resolver_.known("backend.test", 80).value().front().ip(), "127.0.0.2");
  EXPECT_EQ(server_.questions(), 4);
  pass(seconds(7));
  EXPECT_TRUE(resolver_.known("backend.test", 80)) << "its TTL begins anew";
}

TEST_F(ResolverTest, ASilentNameServerDoesNotDelayAKnownName) {
  give("backend.test", "127.0.0.1", 10);
  resolve("backend.test");
  server_.set_mood(NameServer::Mood::silent);
  const io::Reactor::Enter enter(reactor_);
  for (int second = 0; second < 60; ++second) {
    pass(seconds(1));
    auto look_up = resolver_.resolve("backend.test", 80);
    ASSERT_TRUE(look_up.start()) << second;
    EXPECT_THAT(texts(look_up.take()), ElementsAre("127.0.0.1:80"));
    reactor_.run_once(io::Duration::zero());
  }
}

// --- one family without a response (RFC 8305 section 3) -----------------------------------------

TEST_F(ResolverTest, ClampsATtlToOneToThirtySeconds) {
  give("short.test", "127.0.0.1", 0);
  give("long.test", "127.0.0.1", 86400);
  resolve("short.test");
  resolve("long.test");
  pass(milliseconds(999));
  EXPECT_TRUE(resolver_.known("short.test", 80));
  pass(milliseconds(1));
  EXPECT_FALSE(resolver_.known("short.test", 80));
  pass(seconds(28));
  EXPECT_TRUE(resolver_.known("long.test", 80));
  pass(seconds(1));
  EXPECT_FALSE(resolver_.known("long.test", 80));
}

TEST_F(ResolverTest, ComparesNamesWithoutCase) {
  give("backend.test", "127.0.0.1", 10);
  resolve("backend.test");
  EXPECT_THAT(resolve("BackEnd.TEST"), ElementsAre("127.0.0.1:80"));
  EXPECT_EQ(server_.questions(), 2);
}

TEST_F(ResolverTest, CachesAMissingNameForASecond) {
  const auto result = run_task(reactor_, resolver_.resolve("missing.test", 80));
  ASSERT_FALSE(result);
  const Error& error = result.error();
  EXPECT_TRUE(error.is(Errc::name_not_resolved));
  EXPECT_EQ(error.side(), Side::upstream);
  EXPECT_EQ(error.phase(), Phase::resolve);
  EXPECT_TRUE(error.retry_safe());
  EXPECT_THAT(std::string(error.detail()), HasSubstr("missing.test: "));
  const int questions = server_.questions();

  give("missing.test", "127.0.0.1", 10);
  EXPECT_THAT(resolve("missing.test"), ElementsAre(HasSubstr("name not resolved")));
  EXPECT_EQ(server_.questions(), questions);
  pass(seconds(1));
  EXPECT_THAT(resolve("missing.test"), ElementsAre("127.0.0.1:80"));
}

// An alias may change sooner than the addresses of its target.
TEST_F(ResolverTest, CachesAResponseNoLongerThanItsAlias) {
  for (const auto& [alias_ttl, ttl] : {std::pair{2u, 30u}, std::pair{30u, 2u}}) {
    NameServer::Host host;
    host.v4 = {"127.0.0.1"};
    host.alias = "pool-" + std::to_string(ttl) + ".example";
    host.alias_ttl = alias_ttl;
    host.ttl = ttl;
    const std::string name = "alias-" + std::to_string(alias_ttl) + ".test";
    server_.set_host(name, host);
    EXPECT_THAT(resolve(name), ElementsAre("127.0.0.1:80"));
    const int questions = server_.questions();
    host.v4 = {"127.0.0.2"};
    server_.set_host(name, host);
    pass(milliseconds(1999));
    EXPECT_THAT(resolve(name), ElementsAre("127.0.0.1:80"));
    EXPECT_EQ(server_.questions(), questions);
    pass(milliseconds(1));
    EXPECT_THAT(resolve(name), ElementsAre("127.0.0.2:80")) << alias_ttl << ' ' << ttl;
    EXPECT_GT(server_.questions(), questions);
  }
}

// A resolv.conf in a folder of its own. The destructor removes both.
struct Configuration {
  Configuration() {
    std::string made = (std::filesystem::temp_directory_path() / "onehop-dns-XXXXXX").string();
    EXPECT_NE(::mkdtemp(made.data()), nullptr);
    folder = made;
    path = folder / "resolv.conf";
  }
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;
  ~Configuration() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  void search(const char* domain, seconds age) const {
    std::ofstream(path) << "search " << domain << "\n";
    std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - age);
  }

  std::filesystem::path folder;
  std::filesystem::path path;
};

// A machine that moves to another network gets other name servers and search domains. These tests
// check the search domains.
TEST_F(ResolverTest, ReloadsAChangedConfiguration) {
  give("backend.first.test", "127.0.0.1", 1);
  give("backend.second.test", "127.0.0.2", 1);
  const Configuration configuration;
  configuration.search("first.test", seconds(20));
  ResolverOptions configured = options(server_);
  configured.configuration = configuration.path.string();
  Resolver resolver(reactor_, configured);
  const auto ask = [&] {
    pass(seconds(5));  // the previous response has expired
    return texts(run_task(reactor_, resolver.resolve("backend", 80)));
  };
  EXPECT_THAT(ask(), ElementsAre("127.0.0.1:80"));
  EXPECT_THAT(ask(), ElementsAre("127.0.0.1:80"));
  configuration.search("second.test", seconds(10));
  EXPECT_THAT(ask(), ElementsAre("127.0.0.2:80"));
  std::filesystem::remove(configuration.path);
  configuration.search("first.test", seconds(0));
  EXPECT_THAT(ask(), ElementsAre("127.0.0.1:80"));
}

// Regression: a name server that responded for one family only kept the old configuration in use.
TEST_F(ResolverTest, ReloadsAChangedConfigurationWithOneFamilyMissing) {
  give("backend.first.test", "127.0.0.1", 1);
  give("backend.second.test", "127.0.0.2", 1);
  const Configuration configuration;
  configuration.search("first.test", seconds(20));
  server_.swallow(AF_INET6);
  ResolverOptions configured = options(server_);
  configured.configuration = configuration.path.string();
  Resolver resolver(reactor_, configured);
  const io::Reactor::Enter enter(reactor_);
  const auto ask = [&] {
    pass(seconds(5));
    const int before = server_.questions();
    auto look_up = resolver.resolve("backend", 80);
    look_up.start();
    for (int i = 0; i < 20 || server_.questions() < before + 2; ++i)
      reactor_.run_once(milliseconds(5));
    pass(milliseconds(60));
    while (!look_up.done())
      reactor_.run_once(milliseconds(5));
    return texts(look_up.take());
  };
  EXPECT_THAT(ask(), ElementsAre("127.0.0.1:80"));
  configuration.search("second.test", seconds(10));
  EXPECT_THAT(ask(), ElementsAre("127.0.0.2:80"));
}

// Regression: the name was never queried again, and all look-ups waited for it.
TEST_F(ResolverTest, QueriesANameAgainAfterRunningOutOfMemory) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "operator new is a sanitizer's";
  give("backend.test", "127.0.0.1", 10);
  ResolverOptions impatient = options(server_);
  // c-ares repeats a query that failed inside it after this time
  impatient.try_timeout = milliseconds(50);
  const std::vector<std::string> wanted = {"127.0.0.1:80"};
  const io::Reactor::Enter enter(reactor_);
  bool has_failed = true;
  for (std::size_t succeed = 0; has_failed; ++succeed) {
    Resolver resolver(reactor_, impatient);
    {
      const FailingAllocation failing(succeed);
      try {
        auto look_up = resolver.resolve("backend.test", 80);
        if (look_up.start()) (void)look_up.take();
      } catch (const std::bad_alloc&) {
      }
      has_failed = failing.is_over();
    }
    // The next query may still fail or lose its response.
    std::vector<std::string> found;
    auto again = resolver.resolve("backend.test", 80);
    again.start();
    const auto give_up = std::chrono::steady_clock::now() + seconds(10);
    while (found != wanted && std::chrono::steady_clock::now() < give_up) {
      reactor_.run_once(milliseconds(10));
      pass(milliseconds(10));
      if (!again.done()) continue;
      found = texts(again.take());
      again = resolver.resolve("backend.test", 80);
      again.start();
    }
    EXPECT_EQ(found, wanted) << succeed;
  }
}

TEST_F(ResolverTest, UsesTheLastGoodResponseWhenARefreshFails) {
  give("backend.test", "127.0.0.1", 1);
  resolve("backend.test");
  server_.set_mood(NameServer::Mood::broken);
  pass(seconds(5));
  EXPECT_THAT(resolve("backend.test"), ElementsAre("127.0.0.1:80"));
  const int questions = server_.questions();
  EXPECT_GT(questions, 2);
  EXPECT_THAT(resolve("backend.test"), ElementsAre("127.0.0.1:80"));
  EXPECT_EQ(server_.questions(), questions) << "a failure is not asked about again at once";
  server_.set_mood(NameServer::Mood::helpful);
  give("backend.test", "127.0.0.2", 1);
  pass(seconds(1));
  EXPECT_THAT(resolve("backend.test"), ElementsAre("127.0.0.2:80"));
}

TEST_F(ResolverTest, ForgetsANameThatIsAbsentForAMinute) {
  NameServer::Host absent;
  absent.denied = AF_INET;
  give("backend.test", "127.0.0.1", 1);
  EXPECT_THAT(resolve("backend.test"), ElementsAre("127.0.0.1:80"));
  server_.set_host("backend.test", absent);
  for (int i = 0; i < 6; ++i) {
    pass(seconds(10));
    EXPECT_THAT(resolve("backend.test"), ElementsAre("127.0.0.1:80")) << i;
  }
  pass(seconds(10));
  EXPECT_THAT(resolve("backend.test"), ElementsAre(HasSubstr("name not resolved")));
  give("backend.test", "127.0.0.2", 1);
  pass(seconds(1));
  EXPECT_THAT(resolve("backend.test"), ElementsAre("127.0.0.2:80"));
  server_.set_host("backend.test", absent);
  pass(seconds(10));
  EXPECT_THAT(resolve("backend.test"), ElementsAre("127.0.0.2:80")) << "the minute begins again";
}

TEST_F(ResolverTest, AFailedEarlyRefreshDoesNotShortenTheTtl) {
  give("backend.test", "127.0.0.1", 20);
  resolve("backend.test");
  server_.set_mood(NameServer::Mood::broken);
  const auto stale = resolver_counts().stale_answers;
  for (const auto step : {seconds(16), seconds(2)}) {
    pass(step);
    const int questions = server_.questions();
    EXPECT_TRUE(resolver_.known("backend.test", 80)) << "starts a refresh";
    resolve("other.test");  // fails after the refresh
    EXPECT_GE(server_.questions(), questions + 4);
    EXPECT_EQ(resolver_counts().stale_answers, stale);
  }
  pass(seconds(2));
  EXPECT_FALSE(resolver_.known("backend.test", 80));
  EXPECT_THAT(resolve("backend.test"), ElementsAre("127.0.0.1:80"));
  EXPECT_EQ(resolver_counts().stale_answers, stale + 1);
}

TEST_F(ResolverTest, StopsWaitingForASlowRefresh) {
  give("backend.test", "127.0.0.1", 1);
  resolve("backend.test");
  server_.set_mood(NameServer::Mood::silent);
  pass(seconds(5));
  const io::Reactor::Enter enter(reactor_);
  auto waiting = resolver_.resolve("backend.test", 80);
  EXPECT_FALSE(waiting.start());
  pass(milliseconds(40));
  reactor_.run_once(io::Duration::zero());
  EXPECT_FALSE(waiting.done());
  pass(milliseconds(14));
  reactor_.run_once(io::Duration::zero());
  ASSERT_TRUE(waiting.done());
  EXPECT_THAT(texts(waiting.take()), ElementsAre("127.0.0.1:80"));
  auto next = resolver_.resolve("backend.test", 80);
  EXPECT_TRUE(next.start()) << "patience is counted from the question";
}

TEST_F(ResolverTest, LookUpsOfOneNameShareAQuery) {
  give("backend.test", "127.0.0.1", 10);
  const io::Reactor::Enter enter(reactor_);
  std::vector<task<Result<std::vector<Address>>>> look_ups;
  for (std::uint16_t port = 1; port <= 20; ++port) {
    look_ups.push_back(resolver_.resolve("backend.test", port));
    EXPECT_FALSE(look_ups.back().start());
  }
  while (!look_ups.front().done())
    reactor_.run_once(seconds(1));
  for (std::uint16_t port = 1; port <= 20; ++port) {
    auto& look_up = look_ups[port - 1u];
    ASSERT_TRUE(look_up.done());
    EXPECT_THAT(texts(look_up.take()), ElementsAre("127.0.0.1:" + std::to_string(port)));
  }
  EXPECT_EQ(server_.questions(), 2);
}

TEST_F(ResolverTest, ALookUpMayBeDestroyedWhileItWaits) {
  give("backend.test", "127.0.0.1", 10);
  const io::Reactor::Enter enter(reactor_);
  auto kept = resolver_.resolve("backend.test", 80);
  kept.start();
  {
    auto dropped = resolver_.resolve("backend.test", 80);
    EXPECT_FALSE(dropped.start());
  }
  while (!kept.done())
    reactor_.run_once(seconds(1));
  EXPECT_THAT(texts(kept.take()), ElementsAre("127.0.0.1:80"));
}

// The pool that dials may be older than the resolver. It is then destroyed after the resolver, and
// the look-ups of its dials end only then.
TEST(Resolver, MayBeDestroyedBeforeALookUpOfAnOlderWorkerLocal) {
  struct Pool final : io::WorkerLocal {
    task<Result<std::vector<Address>>> look_up;
  };
  io::Reactor reactor;
  NameServer server(reactor);
  server.set_mood(NameServer::Mood::silent);
  {
    const io::Reactor::Enter enter(reactor);
    Pool& pool = reactor.local<Pool>([] { return std::make_unique<Pool>(); });
    ResolverOptions options;
    options.servers = server.address();
    pool.look_up = Resolver::of(reactor, options).resolve("backend.test", 80);
    EXPECT_FALSE(pool.look_up.start());
  }
}

TEST_F(ResolverTest, AQueryContinuesAfterItsLookUpIsDropped) {
  give("backend.test", "127.0.0.1", 10);
  {
    const io::Reactor::Enter enter(reactor_);
    auto dropped = resolver_.resolve("backend.test", 80);
    EXPECT_FALSE(dropped.start());
  }
  while (!resolver_.known("backend.test", 80))
    reactor_.run_once(seconds(1));
}

TEST_F(ResolverTest, MayBeDestroyedDuringAQuery) {
  server_.set_mood(NameServer::Mood::silent);
  auto other = std::make_unique<Resolver>(reactor_, options(server_));
  {
    const io::Reactor::Enter enter(reactor_);
    auto dropped = other->resolve("backend.test", 80);
    EXPECT_FALSE(dropped.start());
  }
  other.reset();
  reactor_.run_once(io::Duration::zero());
}

TEST_F(ResolverTest, ForgetsOldNamesWhenThereAreMany) {
  give("kept.test", "127.0.0.9", 30);
  resolve("kept.test");
  const auto address = *Address::from_ip("127.0.0.1", 0);
  for (int i = 0; i < 5000; ++i) {
    resolver_.remember(std::to_string(i) + ".test", {address}, seconds(1));
    if (i % 1000 == 999) pass(seconds(2));
  }
  EXPECT_THAT(resolve("kept.test"), ElementsAre("127.0.0.9:80"));
  EXPECT_EQ(server_.questions(), 2);
}

TEST(Resolver, ResolvesLocalNames) {
  io::Reactor reactor;
  const auto result = run_task(reactor, Resolver::of(reactor).resolve("localhost", 80));
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_THAT(texts(result), ::testing::Contains(::testing::AnyOf("127.0.0.1:80", "[::1]:80")));
}

TEST(Resolver, HasOneInstancePerEventLoop) {
  io::Reactor first(io::Reactor::Clock::manual);
  io::Reactor second(io::Reactor::Clock::manual);
  EXPECT_EQ(&Resolver::of(first), &Resolver::of(first));
  EXPECT_NE(&Resolver::of(first), &Resolver::of(second));
}

TEST(Resolver, HasOneInstancePerListOfNameServers) {
  io::Reactor reactor(io::Reactor::Clock::manual);
  Resolver& one = Resolver::asking(reactor, "127.0.0.1:1");
  EXPECT_EQ(&Resolver::asking(reactor, "127.0.0.1:1"), &one);
  EXPECT_NE(&Resolver::asking(reactor, "127.0.0.1:2"), &one);
  EXPECT_EQ(&Resolver::asking(reactor, ""), &Resolver::of(reactor));
}

TEST(Resolver, GivesUpOnASilentServer) {
  io::Reactor reactor;
  NameServer server(reactor);
  server.set_mood(NameServer::Mood::silent);
  ResolverOptions options;
  options.servers = server.address();
  options.try_timeout = milliseconds(30);
  options.tries = 2;
  Resolver resolver(reactor, options);
  const auto result = run_task(reactor, resolver.resolve("backend.test", 80));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::name_not_resolved));
  EXPECT_EQ(server.questions(), 4);
}

TEST(Resolver, AnInvalidServerAddressFailsEveryLookUp) {
  io::Reactor reactor(io::Reactor::Clock::manual);
  ResolverOptions options;
  options.servers = "not an address";
  Resolver resolver(reactor, options);
  const auto result = run_task(reactor, resolver.resolve("backend.test", 80));
  ASSERT_FALSE(result);
  EXPECT_THAT(std::string(result.error().detail()), HasSubstr("resolver does not start"));
}

}  // namespace
}  // namespace onehop::net
