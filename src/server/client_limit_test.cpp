// SPDX-License-Identifier: Apache-2.0
#include "server/client_limit.hpp"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;

net::Address from(const char* ip, std::uint16_t port = 1) {
  return *net::Address::from_ip(ip, port);
}

TEST(ClientLimit, CountsEachAddressSeparately) {
  ClientLimit limit(2);
  auto one = limit.enter(from("192.0.2.1", 1));
  const auto two = limit.enter(from("192.0.2.1", 2));
  EXPECT_TRUE(one && two);
  EXPECT_FALSE(limit.enter(from("192.0.2.1", 3)));
  EXPECT_TRUE(limit.enter(from("192.0.2.2")));
  one.reset();
  EXPECT_TRUE(limit.enter(from("192.0.2.1", 3)));
}

TEST(ClientLimit, ATicketCountsUntilItsLastCopyIsGone) {
  ClientLimit limit(1);
  auto place = *limit.enter(from("192.0.2.1"));
  auto handed_on = place;
  place.reset();
  EXPECT_FALSE(limit.enter(from("192.0.2.1")));
  handed_on.reset();
  EXPECT_TRUE(limit.enter(from("192.0.2.1")));
}

TEST(ClientLimit, GroupsIpv6ClientsByNetwork) {
  ClientLimit limit(1);
  const auto place = limit.enter(from("2001:db8:1:2::1"));
  EXPECT_FALSE(limit.enter(from("2001:db8:1:2:ffff::9")));
  EXPECT_TRUE(limit.enter(from("2001:db8:1:3::1")));
}

TEST(ClientLimit, TreatsIpv4MappedAddressesAsIpv4) {
  ClientLimit limit(1);
  const auto place = limit.enter(from("192.0.2.1"));
  EXPECT_FALSE(limit.enter(from("::ffff:192.0.2.1")));
  EXPECT_TRUE(limit.enter(from("::ffff:192.0.2.2")));
}

TEST(ClientLimit, DoesNotLimitUnixSockets) {
  ClientLimit limit(0);
  const auto place = limit.enter(*net::Address::from_socket_path("/run/a.sock"));
  ASSERT_TRUE(place);
  EXPECT_EQ(*place, nullptr);
}

TEST(ClientLimit, CountsRequestsOverAllConnectionsOfAClient) {
  ClientLimit limit(0, 3);
  auto first = *limit.enter(from("192.0.2.1", 1));
  const auto second = *limit.enter(from("192.0.2.1", 2));
  const auto other = *limit.enter(from("192.0.2.2"));
  std::vector<std::optional<RequestTicket>> places;
  places.push_back(first->enter_request());
  places.push_back(second->enter_request());
  places.push_back(second->enter_request());
  EXPECT_TRUE(places.front() && places.back());
  EXPECT_FALSE(first->enter_request());
  EXPECT_FALSE(second->enter_request());
  EXPECT_TRUE(other->enter_request());
  places.pop_back();
  places.push_back(first->enter_request());
  EXPECT_TRUE(places.back());
  EXPECT_FALSE(second->enter_request());
  places.clear();
  for (int i = 0; i < 3; ++i)
    places.push_back(second->enter_request());
  EXPECT_TRUE(places.back());
}

TEST(ClientLimit, ARequestTicketIsMovable) {
  ClientLimit limit(0, 1);
  const auto connection = *limit.enter(from("192.0.2.1"));
  RequestTicket kept;
  {
    auto place = connection->enter_request();
    ASSERT_TRUE(place);
    kept = std::move(*place);
  }
  EXPECT_FALSE(connection->enter_request());
  kept = RequestTicket();
  EXPECT_TRUE(connection->enter_request());
}

TEST(ClientLimit, CountsRequestsOverATrustedProxysConnectionToo) {
  ClientLimit limit(1, 2);
  std::vector<std::optional<RequestTicket>> places;
  places.push_back(limit.enter_request(from("192.0.2.1", 0)));
  places.push_back(limit.enter_request(from("192.0.2.1", 0)));
  EXPECT_TRUE(places.front() && places.back());
  EXPECT_FALSE(limit.enter_request(from("192.0.2.1", 0)));
  EXPECT_TRUE(limit.enter_request(from("192.0.2.2", 0)));
  // Requests over the client's own connection count towards the same limit. Its connection does not
  // count as a request, nor a request as a connection.
  auto connection = *limit.enter(from("192.0.2.1"));
  ASSERT_TRUE(connection);
  EXPECT_FALSE(connection->enter_request());
  places.pop_back();
  places.push_back(connection->enter_request());
  EXPECT_TRUE(places.back());
  EXPECT_FALSE(limit.enter_request(from("192.0.2.1", 0)));
  places.clear();
  connection.reset();
  EXPECT_TRUE(limit.enter(from("192.0.2.1")));
  EXPECT_TRUE(limit.enter_request(from("192.0.2.1", 0)));
}

TEST(ClientLimit, ATicketOfATrustedProxysRequestOutlivesAllOthers) {
  ClientLimit limit(0, 1);
  RequestTicket kept;
  {
    auto place = limit.enter_request(from("2001:db8:1:2::1", 0));
    ASSERT_TRUE(place);
    kept = std::move(*place);
  }
  EXPECT_FALSE(limit.enter_request(from("2001:db8:1:2::9", 0)));
  kept = RequestTicket();
  EXPECT_TRUE(limit.enter_request(from("2001:db8:1:2::9", 0)));
  EXPECT_TRUE(limit.enter_request(*net::Address::from_socket_path("/run/a.sock")));
}

TEST(ClientLimit, WithoutALimitNothingIsRefused) {
  ClientLimit limit(0, 0);
  std::vector<std::optional<ConnectionTicket>> connections;
  std::vector<std::optional<RequestTicket>> requests;
  for (int i = 0; i < 100; ++i) {
    connections.push_back(limit.enter(from("192.0.2.1")));
    ASSERT_TRUE(connections.back());
    requests.push_back((*connections.back())->enter_request());
    EXPECT_TRUE(requests.back());
  }
}

// A peer with many addresses must not use unbounded memory.
TEST(ClientLimit, ForgetsAClientThatHasLeft) {
  ClientLimit limit(1, 1);
  std::vector<std::optional<ConnectionTicket>> places;
  for (int i = 0; i < 10'000; ++i) {
    const std::string ip = "10.1." + std::to_string(i / 100) + '.' + std::to_string(i % 100);
    places.push_back(limit.enter(from(ip.c_str())));
    EXPECT_FALSE(limit.enter(from(ip.c_str(), 2))) << "a refused connection leaves nothing either";
  }
  EXPECT_EQ(limit.clients(), 10'000u);
  places.resize(1);
  EXPECT_EQ(limit.clients(), 1u);
  places.clear();
  EXPECT_EQ(limit.clients(), 0u);
}

TEST(ClientLimit, RateLimitsLogLinesAboutRefusals) {
  ClientLimit limit(3);
  const io::Time start{};
  EXPECT_EQ(limit.refusal_line(from("192.0.2.1"), start),
            "closed 1 connection of clients that already have 3 open, the last from 192.0.2.1");
  EXPECT_FALSE(limit.refusal_line(from("192.0.2.1"), start + 1s));
  EXPECT_FALSE(limit.refusal_line(from("192.0.2.2"), start + 9s));
  EXPECT_EQ(limit.refusal_line(from("2001:db8::1"), start + 10s),
            "closed 3 connections of clients that already have 3 open, the last from 2001:db8::1");
}

TEST(ClientLimit, ThreadsShareTheCountOfRequests) {
  ClientLimit limit(0, 4);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&limit] {
      for (int round = 0; round < 1000; ++round) {
        const auto connection = *limit.enter(from("192.0.2.1"));
        EXPECT_TRUE(connection->enter_request());
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  const auto connection = *limit.enter(from("192.0.2.1"));
  std::vector<std::optional<RequestTicket>> places;
  for (int i = 0; i < 4; ++i)
    places.push_back(connection->enter_request());
  EXPECT_TRUE(places.back());
  EXPECT_FALSE(connection->enter_request());
}

TEST(ClientLimit, ThreadsShareTheCountOfATrustedProxysRequests) {
  ClientLimit limit(0, 4);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&limit] {
      for (int round = 0; round < 1000; ++round)
        EXPECT_TRUE(limit.enter_request(from("192.0.2.1", 0)));
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  std::vector<std::optional<RequestTicket>> places;
  for (int i = 0; i < 4; ++i)
    places.push_back(limit.enter_request(from("192.0.2.1", 0)));
  EXPECT_TRUE(places.back());
  EXPECT_FALSE(limit.enter_request(from("192.0.2.1", 0)));
}

TEST(ClientLimit, ThreadsShareTheCount) {
  ClientLimit limit(1000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&limit] {
      for (int round = 0; round < 1000; ++round)
        EXPECT_TRUE(limit.enter(from("192.0.2.1")));
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  std::vector<std::optional<ConnectionTicket>> places;
  for (int i = 0; i < 1000; ++i)
    places.push_back(limit.enter(from("192.0.2.1")));
  EXPECT_TRUE(places.back());
  EXPECT_FALSE(limit.enter(from("192.0.2.1")));
}

}  // namespace
}  // namespace onehop::server
