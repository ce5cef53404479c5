// SPDX-License-Identifier: Apache-2.0
#include "upstream/found_endpoints.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::upstream {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FoundEndpointsTest : public ::testing::Test {
 protected:
  std::string answer(const std::vector<std::string>& addresses, Duration ttl = 10s) {
    net::DnsChannel::Answer answer;
    for (const std::string& address : addresses)
      answer.addresses.push_back(*net::Address::from_ip(address, 0));
    answer.ttl = ttl;
    return host_.take(answer, now_);
  }
  void answer_in_part(const std::vector<std::string>& addresses) {
    net::DnsChannel::Answer answer;
    for (const std::string& address : addresses)
      answer.addresses.push_back(*net::Address::from_ip(address, 0));
    answer.is_partial = true;
    host_.take(answer, now_);
  }
  std::string fail(bool is_absent, const std::string& words) {
    net::DnsChannel::Answer answer;
    answer.failure = words;
    answer.is_absent = is_absent;
    return host_.take(answer, now_);
  }
  std::vector<std::string> addresses() {
    std::vector<std::string> all;
    for (const Upstream::Endpoint& endpoint : host_.endpoints())
      all.push_back(endpoint.connect_address);
    return all;
  }

  Time now_ = Time(1h);
  FoundEndpoints host_{Upstream::Endpoint(Url::parse("https://app.x:8443").value(), 2, true)};
};

TEST_F(FoundEndpointsTest, ExpandsANameToOneEndpointPerAddress) {
  EXPECT_THAT(addresses(), ElementsAre("")) << "the name itself, until there is an answer";
  EXPECT_EQ(answer({"10.0.0.2", "10.0.0.1", "2001:db8::1", "10.0.0.2"}), "app.x: 3 endpoints");
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1", "10.0.0.2", "2001:db8::1"));
  for (const Upstream::Endpoint& endpoint : host_.endpoints()) {
    EXPECT_EQ(endpoint.url.to_string(), "https://app.x:8443");
    EXPECT_EQ(endpoint.weight, 2);
    EXPECT_TRUE(endpoint.backup);
  }
}

TEST_F(FoundEndpointsTest, TheTtlDeterminesTheNextQuery) {
  answer({"10.0.0.1"}, 10s);
  EXPECT_EQ(host_.next(), now_ + 10s);
  answer({"10.0.0.1"}, 0s);
  EXPECT_EQ(host_.next(), now_ + 1s);
  answer({"10.0.0.1"}, 1h);
  EXPECT_EQ(host_.next(), now_ + 30s);
}

TEST_F(FoundEndpointsTest, AFailureKeepsTheLastGoodAnswer) {
  answer({"10.0.0.1"});
  EXPECT_THAT(fail(false, "no name server"), HasSubstr("no name server"));
  EXPECT_EQ(fail(false, "no name server"), "") << "said once";
  now_ += 1h;
  EXPECT_EQ(fail(false, "no name server"), "");
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
  EXPECT_EQ(host_.next(), now_ + 2s);
}

// Regression: if a family's response was late each time, its endpoints came and went.
TEST_F(FoundEndpointsTest, AFamilyWithoutAnAnswerKeepsItsAddresses) {
  answer_in_part({"10.0.0.1"});
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1")) << "and not the name itself";
  answer({"10.0.0.1", "2001:db8::1"});
  answer_in_part({"10.0.0.2"});
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.2", "2001:db8::1"));
  answer_in_part({"2001:db8::2"});
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.2", "2001:db8::2"));
  answer_in_part({"10.0.0.1", "2001:db8::3"});
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1", "2001:db8::3"));
  answer({"10.0.0.1"});
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
}

TEST_F(FoundEndpointsTest, ANameMustBeAbsentForAMinute) {
  answer({"10.0.0.1"});
  fail(true, "not found");
  now_ += 59s;
  fail(true, "not found");
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
  fail(false, "no name server");  // the name was not absent all the time
  now_ += 2s;
  fail(true, "not found");
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
  now_ += 60s;
  EXPECT_THAT(fail(true, "not found"), HasSubstr("no longer exists"));
  EXPECT_THAT(addresses(), IsEmpty());
  answer({"10.0.0.1"});
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.1"));
}

TEST_F(FoundEndpointsTest, WarnsIfMostEndpointsDisappear) {
  answer({"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  EXPECT_EQ(answer({"10.0.0.1", "10.0.0.2"}), "app.x: 2 endpoints");
  EXPECT_EQ(answer({"10.0.0.2", "10.0.0.3"}), "") << "as many as before";
  EXPECT_EQ(answer({"10.0.0.2"}), "app.x: 1 endpoints");
  answer({"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  EXPECT_EQ(answer({"10.0.0.3", "10.0.0.9"}), "app.x: only 1 of 3 endpoints remain");
  EXPECT_THAT(addresses(), ElementsAre("10.0.0.3", "10.0.0.9"));
}

TEST(FoundServices, HavePortsWeightsAndBackups) {
  FoundEndpoints service{std::string("_http._tcp.x")};
  net::DnsChannel::ServiceAnswer answer;
  answer.records = {{"b.x", 8000, 10, 5}, {"a.x", 8001, 10, 0}, {"c.x", 8002, 20, 1}};
  answer.ttl = 5s;
  EXPECT_EQ(service.take(answer, Time(1h)), "_http._tcp.x: 3 endpoints");
  ASSERT_EQ(service.endpoints().size(), 3u);
  EXPECT_EQ(service.endpoints()[0], Upstream::Endpoint(Url::parse("http://a.x:8001").value(), 0.1));
  EXPECT_EQ(service.endpoints()[1], Upstream::Endpoint(Url::parse("http://b.x:8000").value(), 5));
  EXPECT_EQ(service.endpoints()[2],
            Upstream::Endpoint(Url::parse("http://c.x:8002").value(), 1, true));
  EXPECT_EQ(service.next(), Time(1h) + 5s);
}

// Regression: a path or a query in the name of a server ended the process.
TEST(FoundServices, SkipHostNamesThatNoUrlCanHave) {
  FoundEndpoints service{std::string("_http._tcp.x")};
  net::DnsChannel::ServiceAnswer answer;
  for (const char* host :
       {"a/b.x", "a?b.x", "a#b.x", "a:1", "a\\@b.x", "a b", "[::1", "A.x", "a.x"})
    answer.records.push_back({host, 8000, 0, 1});
  EXPECT_EQ(service.take(answer, Time(1h)), "_http._tcp.x: 1 endpoints");
  EXPECT_THAT(service.endpoints(), ElementsAre(Upstream::Endpoint("http://A.x:8000")));
  answer.records.resize(1);
  EXPECT_THAT(service.take(answer, Time(1h)), HasSubstr("no usable host"));
  EXPECT_THAT(service.endpoints(), ElementsAre(Upstream::Endpoint("http://A.x:8000")));
}

TEST(FoundServices, TheFirstLabelDeterminesTheScheme) {
  for (const auto& [name, scheme] :
       {std::pair("_https._tcp.x", "https"), std::pair("_HTTPS._tcp.x", "https"),
        std::pair("_grpc._tcp.x", "h2c"), std::pair("_h2c._tcp.x", "h2c"),
        std::pair("_app._tcp.x", "http")}) {
    FoundEndpoints service{std::string(name)};
    net::DnsChannel::ServiceAnswer answer;
    answer.records = {{"a.x", 8000, 0, 0}};
    service.take(answer, Time(1h));
    ASSERT_EQ(service.endpoints().size(), 1u);
    EXPECT_EQ(service.endpoints()[0].url.scheme(), scheme);
    EXPECT_EQ(service.endpoints()[0].weight, 1);
  }
}

}  // namespace
}  // namespace onehop::upstream
