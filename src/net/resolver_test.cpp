// SPDX-License-Identifier: Apache-2.0
#include "net/resolver.hpp"

#include "net/dns_channel.hpp"
#include "support/failing_allocation.hpp"
#include "support/name_server.hpp"
#include "support/run_task.hpp"

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
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::vector<std::string> texts(const Result<std::vector<Address>>& addresses) {
  if (!addresses) return {addresses.error().to_string()};
  std::vector<std::string> list;
  for (const Address& address : *addresses)
    list.push_back(address.to_string());
  return list;
}

// The clock stands still, so that a TTL ends when a test says so.
class ResolverTest : public testing::Test {
 protected:
  static ResolverOptions options(const NameServer& server) {
    ResolverOptions options;
    options.servers = server.address();
    return options;
  }
  std::vector<std::string> resolve(const std::string& host, std::uint16_t port = 80) {
    return texts(run_task(reactor_, resolver_.resolve(host, port)));
  }
  void pass(io::Duration time) { reactor_.set_time(reactor_.now() + time); }
  void give(const std::string& name, const std::string& ip, std::uint32_t ttl) {
    NameServer::Host host;
    host.v4 = {ip};
    host.ttl = ttl;
    server_.set_host(name, host);
  }

  io::Reactor reactor_{io::Reactor::Clock::manual};
  NameServer server_{reactor_};
  Resolver resolver_{reactor_, options(server_)};
};

TEST_F(ResolverTest, ip_literals_need_no_server) {
  EXPECT_THAT(resolve("192.0.2.1", 8080), ElementsAre("192.0.2.1:8080"));
  EXPECT_THAT(resolve("::1"), ElementsAre("[::1]:80"));
  EXPECT_THAT(resolve("[2001:db8::1]"), ElementsAre("[2001:db8::1]:80"));
  EXPECT_EQ(server_.questions(), 0);
}

TEST_F(ResolverTest, gives_every_address_the_families_in_turn) {
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

TEST_F(ResolverTest, an_answer_that_fits_no_datagram_comes_over_tcp) {
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

// What is passed over need not be sorted either, which takes a look at the routes for each.
TEST_F(ResolverTest, of_the_addresses_of_a_family_only_the_first_are_sorted) {
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

TEST_F(ResolverTest, an_answer_is_kept_for_its_ttl) {
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

TEST_F(ResolverTest, a_name_in_use_is_asked_for_before_its_ttl_ends_and_delays_nobody) {
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

TEST_F(ResolverTest, a_name_in_use_delays_nobody_though_the_name_server_is_silent) {
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

// --- one family without an answer (RFC 8305 section 3) -----------------------------------------

class ResolverWithHalfAnAnswer : public ResolverTest, public testing::WithParamInterface<int> {
 protected:
  int other() const { return GetParam() == AF_INET ? AF_INET6 : AF_INET; }
  std::string literal(int family) const { return family == AF_INET ? "127.0.0.1:80" : "[::1]:80"; }
  void ask_with_one_swallowed() {
    NameServer::Host host;
    host.v4 = {"127.0.0.1"};
    host.v6 = {"::1"};
    ask_with_one_swallowed(host);
  }
  void ask_with_one_swallowed(const NameServer::Host& host) {
    server_.set_host("backend.test", host);
    server_.swallow(GetParam());
    look_up_ = resolver_.resolve("backend.test", 80);
    look_up_.start();
    for (int i = 0; i < 20 || server_.questions() < 2; ++i)
      reactor_.run_once(milliseconds(5));
  }

  const io::Reactor::Enter enter_{reactor_};
  task<Result<std::vector<Address>>> look_up_;
};

INSTANTIATE_TEST_SUITE_P(Swallowed,
                         ResolverWithHalfAnAnswer,
                         testing::Values(AF_INET, AF_INET6),
                         [](const auto& f) { return f.param == AF_INET ? "a" : "aaaa"; });

TEST_P(ResolverWithHalfAnAnswer, the_other_family_is_waited_for_50_ms) {
  ask_with_one_swallowed();
  EXPECT_FALSE(look_up_.done());
  pass(milliseconds(40));
  reactor_.run_once(io::Duration::zero());
  EXPECT_FALSE(look_up_.done());
  pass(milliseconds(14));
  reactor_.run_once(io::Duration::zero());
  ASSERT_TRUE(look_up_.done());
  EXPECT_THAT(texts(look_up_.take()), ElementsAre(literal(other())));
  EXPECT_TRUE(resolver_.known("backend.test", 80)) << "that is an answer as any other";
}

TEST_P(ResolverWithHalfAnAnswer, a_family_that_comes_in_time_is_there) {
  ask_with_one_swallowed();
  pass(milliseconds(40));
  server_.reply_late();
  while (!look_up_.done())
    reactor_.run_once(milliseconds(100));
  EXPECT_THAT(texts(look_up_.take()), UnorderedElementsAre(literal(AF_INET), literal(AF_INET6)));
}

TEST_P(ResolverWithHalfAnAnswer, a_family_that_comes_late_is_known_from_then_on) {
  ask_with_one_swallowed();
  pass(milliseconds(60));
  reactor_.run_once(io::Duration::zero());
  ASSERT_TRUE(look_up_.done());
  server_.reply_late();
  const auto give_up = std::chrono::steady_clock::now() + seconds(10);
  while (resolver_.known("backend.test", 80).value().size() < 2 &&
         std::chrono::steady_clock::now() < give_up)
    reactor_.run_once(milliseconds(100));
  EXPECT_THAT(texts(resolver_.known("backend.test", 80).value()),
              UnorderedElementsAre(literal(AF_INET), literal(AF_INET6)));
}

// RFC 4074 section 4.2: there are such name servers. Whether it was found hung on the order of two
// packets.
TEST_P(ResolverWithHalfAnAnswer, a_family_that_is_denied_does_not_hide_the_other) {
  NameServer::Host host;
  (GetParam() == AF_INET ? host.v4 : host.v6) = {GetParam() == AF_INET ? "127.0.0.1" : "::1"};
  host.denied = other();
  ask_with_one_swallowed(host);
  EXPECT_FALSE(look_up_.done());
  pass(milliseconds(40));
  server_.reply_late();
  while (!look_up_.done())
    reactor_.run_once(milliseconds(100));
  EXPECT_THAT(texts(look_up_.take()), ElementsAre(literal(GetParam())));
}

TEST_P(ResolverWithHalfAnAnswer, and_is_found_though_it_comes_later_than_that) {
  NameServer::Host host;
  (GetParam() == AF_INET ? host.v4 : host.v6) = {GetParam() == AF_INET ? "127.0.0.1" : "::1"};
  host.denied = other();
  ask_with_one_swallowed(host);
  pass(milliseconds(60));
  reactor_.run_once(io::Duration::zero());
  ASSERT_TRUE(look_up_.done());
  EXPECT_THAT(texts(look_up_.take()), ElementsAre(HasSubstr("name not resolved")));
  server_.reply_late();
  const auto give_up = std::chrono::steady_clock::now() + seconds(10);
  while (!resolver_.known("backend.test", 80) && std::chrono::steady_clock::now() < give_up)
    reactor_.run_once(milliseconds(100));
  ASSERT_TRUE(resolver_.known("backend.test", 80));
  EXPECT_THAT(texts(*resolver_.known("backend.test", 80)), ElementsAre(literal(GetParam())));
}

TEST_P(ResolverWithHalfAnAnswer, a_name_that_does_not_exist_is_one_after_50_ms) {
  NameServer::Host host;
  host.denied = other();
  ask_with_one_swallowed(host);
  EXPECT_FALSE(look_up_.done());
  pass(milliseconds(60));
  reactor_.run_once(io::Duration::zero());
  ASSERT_TRUE(look_up_.done());
  EXPECT_THAT(texts(look_up_.take()), ElementsAre(HasSubstr("name not resolved")));
  EXPECT_EQ(server_.questions(), 2) << "and no name server was asked again";
}

// --- the domains to search ---------------------------------------------------------------------

// c-ares takes them from LOCALDOMAIN before resolv.conf.
class ResolverThatSearches : public ResolverTest {
 protected:
  ResolverThatSearches() {
    ::setenv("LOCALDOMAIN", "one.test two.test", 1);  // NOLINT(concurrency-mt-unsafe)
    searching_ = std::make_unique<Resolver>(reactor_, options(server_));
    ::unsetenv("LOCALDOMAIN");  // NOLINT(concurrency-mt-unsafe)
  }
  void give_v6(const std::string& name, const std::string& ip) {
    NameServer::Host host;
    host.v6 = {ip};
    server_.set_host(name, host);
  }
  std::vector<std::string> search(const std::string& host) {
    return texts(run_task(reactor_, searching_->resolve(host, 80)));
  }

  std::unique_ptr<Resolver> searching_;
};

TEST_F(ResolverThatSearches, the_first_domain_that_has_the_name_has_all_of_it) {
  give("backend.one.test", "127.0.0.1", 10);
  give_v6("backend.two.test", "::1");
  EXPECT_THAT(search("backend"), ElementsAre("127.0.0.1:80"));
  EXPECT_EQ(server_.questions(), 2);
}

TEST_F(ResolverThatSearches, goes_on_to_the_next_domain_and_to_the_name_itself) {
  give("backend.two.test", "127.0.0.2", 10);
  EXPECT_THAT(search("backend"), ElementsAre("127.0.0.2:80"));
  give("alone", "127.0.0.3", 10);
  EXPECT_THAT(search("alone"), ElementsAre("127.0.0.3:80"));
  EXPECT_THAT(search("missing"), ElementsAre(HasSubstr("name not resolved")));
}

TEST_F(ResolverThatSearches, goes_on_though_a_family_is_not_answered) {
  give("backend.two.test", "127.0.0.2", 10);
  server_.swallow(AF_INET6);
  const io::Reactor::Enter enter(reactor_);
  auto look_up = searching_->resolve("backend", 80);
  look_up.start();
  const auto give_up = std::chrono::steady_clock::now() + seconds(10);
  while (!look_up.done() && std::chrono::steady_clock::now() < give_up) {
    reactor_.run_once(milliseconds(20));
    pass(milliseconds(20));
  }
  ASSERT_TRUE(look_up.done());
  EXPECT_THAT(texts(look_up.take()), ElementsAre("127.0.0.2:80"));
  EXPECT_EQ(server_.questions(), 4);
}

TEST_F(ResolverThatSearches, a_name_with_a_dot_is_tried_as_it_is_first) {
  give("a.b", "127.0.0.1", 10);
  give("a.b.one.test", "127.0.0.2", 10);
  EXPECT_THAT(search("a.b"), ElementsAre("127.0.0.1:80"));
  give("c.d.one.test", "127.0.0.4", 10);
  EXPECT_THAT(search("c.d"), ElementsAre("127.0.0.4:80"));
  EXPECT_THAT(search("c.d."), ElementsAre(HasSubstr("name not resolved"))) << "that is all of it";
}

TEST_F(ResolverTest, a_ttl_is_at_least_one_and_at_most_thirty_seconds) {
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

TEST_F(ResolverTest, names_are_compared_without_case) {
  give("backend.test", "127.0.0.1", 10);
  resolve("backend.test");
  EXPECT_THAT(resolve("BackEnd.TEST"), ElementsAre("127.0.0.1:80"));
  EXPECT_EQ(server_.questions(), 2);
}

TEST_F(ResolverTest, a_name_that_does_not_exist_is_an_error_kept_for_a_second) {
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

// What the alias stands for may change sooner than the addresses of what it stands for now.
TEST_F(ResolverTest, an_answer_is_kept_no_longer_than_its_alias) {
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

// A resolv.conf, which goes with its folder.
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

// A machine that moves to another network gets other name servers, and other domains to look in,
// which is what these tests can see.
TEST_F(ResolverTest, a_configuration_that_has_changed_is_read_again) {
  give("backend.first.test", "127.0.0.1", 1);
  give("backend.second.test", "127.0.0.2", 1);
  const Configuration configuration;
  configuration.search("first.test", seconds(20));
  ResolverOptions configured = options(server_);
  configured.configuration = configuration.path.string();
  Resolver resolver(reactor_, configured);
  const auto ask = [&] {
    pass(seconds(5));  // past the answer before
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

// A name server that answers for one family alone kept the old configuration in use.
TEST_F(ResolverTest, also_when_a_family_has_no_answer_yet) {
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

// Nobody asked for such a name any more, and everybody waited for who did.
TEST_F(ResolverTest, a_name_is_asked_for_again_after_memory_was_short) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "operator new is a sanitizer's";
  give("backend.test", "127.0.0.1", 10);
  ResolverOptions impatient = options(server_);
  impatient.try_timeout = milliseconds(50);  // what fails within c-ares is asked again after that
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
    // The next one may still fail, with a question of which no answer is heard.
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

TEST_F(ResolverTest, the_last_good_answer_is_used_when_a_refresh_fails) {
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

TEST_F(ResolverTest, a_slow_refresh_is_not_waited_for_longer_than_patience) {
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

TEST_F(ResolverTest, look_ups_of_one_name_share_a_query) {
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

TEST_F(ResolverTest, a_look_up_may_be_destroyed_while_it_waits) {
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

TEST_F(ResolverTest, its_query_goes_on_without_anybody_waiting) {
  give("backend.test", "127.0.0.1", 10);
  {
    const io::Reactor::Enter enter(reactor_);
    auto dropped = resolver_.resolve("backend.test", 80);
    EXPECT_FALSE(dropped.start());
  }
  while (!resolver_.known("backend.test", 80))
    reactor_.run_once(seconds(1));
}

TEST_F(ResolverTest, may_be_destroyed_with_a_query_under_way) {
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

TEST_F(ResolverTest, forgets_old_names_when_there_are_many) {
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

TEST(Resolver, knows_the_names_of_this_machine) {
  io::Reactor reactor;
  const auto result = run_task(reactor, Resolver::of(reactor).resolve("localhost", 80));
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_THAT(texts(result), testing::Contains(testing::AnyOf("127.0.0.1:80", "[::1]:80")));
}

TEST(Resolver, there_is_one_for_each_event_loop) {
  io::Reactor first(io::Reactor::Clock::manual);
  io::Reactor second(io::Reactor::Clock::manual);
  EXPECT_EQ(&Resolver::of(first), &Resolver::of(first));
  EXPECT_NE(&Resolver::of(first), &Resolver::of(second));
}

TEST(Resolver, a_silent_server_is_given_up) {
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

TEST(Resolver, a_wrong_server_address_is_an_error_of_every_look_up) {
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
