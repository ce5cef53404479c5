// SPDX-License-Identifier: Apache-2.0
//
// Names with one address family late, denied or missing, and names in search domains.
#include "net/dns_channel.hpp"
#include "support/resolver_test.hpp"

#include <chrono>
#include <cstdlib>
#include <memory>
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

class ResolverWithHalfAnAnswer : public ResolverTest, public ::testing::WithParamInterface<int> {
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
                         ::testing::Values(AF_INET, AF_INET6),
                         [](const auto& f) { return f.param == AF_INET ? "a" : "aaaa"; });

TEST_P(ResolverWithHalfAnAnswer, WaitsUpTo50MsForTheOtherFamily) {
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

TEST_P(ResolverWithHalfAnAnswer, IncludesAFamilyThatArrivesInTime) {
  ask_with_one_swallowed();
  pass(milliseconds(40));
  server_.reply_late();
  while (!look_up_.done())
    reactor_.run_once(milliseconds(100));
  EXPECT_THAT(texts(look_up_.take()), UnorderedElementsAre(literal(AF_INET), literal(AF_INET6)));
}

TEST_P(ResolverWithHalfAnAnswer, AddsAFamilyThatArrivesLate) {
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

TEST_P(ResolverWithHalfAnAnswer, MarksAPartialResponse) {
  NameServer::Host both;
  both.v4 = {"127.0.0.1"};
  both.v6 = {"::1"};
  NameServer::Host one = both;
  (GetParam() == AF_INET ? one.v4 : one.v6).clear();
  DnsChannel channel(reactor_, {server_.address(), seconds(10), 1});
  for (const NameServer::Host& host : {both, one}) {
    server_.set_host("backend.test", host);
    server_.swallow(GetParam());
    std::vector<DnsChannel::Answer> answers;
    channel.query("backend.test",
                  [&answers](DnsChannel::Answer answer) { answers.push_back(std::move(answer)); });
    const int asked = server_.questions();
    for (int i = 0; i < 20 || server_.questions() < asked + 2; ++i)
      reactor_.run_once(milliseconds(5));
    pass(milliseconds(60));
    reactor_.run_once(io::Duration::zero());
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_TRUE(answers[0].is_partial);
    server_.reply_late();
    for (int i = 0; i < 1000 && answers.size() < 2; ++i)
      reactor_.run_once(milliseconds(10));
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_TRUE(answers[1].is_late);
    EXPECT_FALSE(answers[1].is_partial);
    EXPECT_EQ(answers[1].addresses.size(), host.v4.size() + host.v6.size());
  }
}

// Such name servers exist (RFC 4074 section 4.2). The result must not depend on the order of the
// two packets.
TEST_P(ResolverWithHalfAnAnswer, ADeniedFamilyDoesNotHideTheOther) {
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

TEST_P(ResolverWithHalfAnAnswer, ADeniedFamilyDoesNotHideALateOne) {
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

TEST_P(ResolverWithHalfAnAnswer, ReportsAMissingNameAfter50Ms) {
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

// c-ares prefers LOCALDOMAIN to resolv.conf.
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

TEST_F(ResolverThatSearches, UsesOnlyTheFirstDomainThatHasTheName) {
  give("backend.one.test", "127.0.0.1", 10);
  give_v6("backend.two.test", "::1");
  EXPECT_THAT(search("backend"), ElementsAre("127.0.0.1:80"));
  EXPECT_EQ(server_.questions(), 2);
}

TEST_F(ResolverThatSearches, TriesTheNextDomainAndThenTheNameItself) {
  give("backend.two.test", "127.0.0.2", 10);
  EXPECT_THAT(search("backend"), ElementsAre("127.0.0.2:80"));
  give("alone", "127.0.0.3", 10);
  EXPECT_THAT(search("alone"), ElementsAre("127.0.0.3:80"));
  EXPECT_THAT(search("missing"), ElementsAre(HasSubstr("name not resolved")));
}

TEST_F(ResolverThatSearches, ContinuesWithoutAResponseForOneFamily) {
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

TEST_F(ResolverThatSearches, TriesANameWithADotAsIsFirst) {
  give("a.b", "127.0.0.1", 10);
  give("a.b.one.test", "127.0.0.2", 10);
  EXPECT_THAT(search("a.b"), ElementsAre("127.0.0.1:80"));
  give("c.d.one.test", "127.0.0.4", 10);
  EXPECT_THAT(search("c.d"), ElementsAre("127.0.0.4:80"));
  EXPECT_THAT(search("c.d."), ElementsAre(HasSubstr("name not resolved"))) << "that is all of it";
}

}  // namespace
}  // namespace onehop::net
