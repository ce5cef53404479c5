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

TEST(ClientLimit, CountsEachAddressByItself) {
  ClientLimit limit(2);
  auto one = limit.enter(from("192.0.2.1", 1));
  const auto two = limit.enter(from("192.0.2.1", 2));
  EXPECT_TRUE(one && two);
  EXPECT_FALSE(limit.enter(from("192.0.2.1", 3)));
  EXPECT_TRUE(limit.enter(from("192.0.2.2")));
  one.reset();
  EXPECT_TRUE(limit.enter(from("192.0.2.1", 3)));
}

TEST(ClientLimit, APlaceIsFreeOnlyWhenNobodyHoldsIt) {
  ClientLimit limit(1);
  auto place = *limit.enter(from("192.0.2.1"));
  auto handed_on = place;
  place.reset();
  EXPECT_FALSE(limit.enter(from("192.0.2.1")));
  handed_on.reset();
  EXPECT_TRUE(limit.enter(from("192.0.2.1")));
}

TEST(ClientLimit, AnIpv6ClientIsItsNetwork) {
  ClientLimit limit(1);
  const auto place = limit.enter(from("2001:db8:1:2::1"));
  EXPECT_FALSE(limit.enter(from("2001:db8:1:2:ffff::9")));
  EXPECT_TRUE(limit.enter(from("2001:db8:1:3::1")));
}

TEST(ClientLimit, Ipv4IsTheSameWithinIpv6) {
  ClientLimit limit(1);
  const auto place = limit.enter(from("192.0.2.1"));
  EXPECT_FALSE(limit.enter(from("::ffff:192.0.2.1")));
  EXPECT_TRUE(limit.enter(from("::ffff:192.0.2.2")));
}

TEST(ClientLimit, ASocketFileHasNoClients) {
  ClientLimit limit(0);
  const auto place = limit.enter(*net::Address::from_socket_path("/run/a.sock"));
  ASSERT_TRUE(place);
  EXPECT_EQ(*place, nullptr);
}

TEST(ClientLimit, RefusalsAreToldNowAndThen) {
  ClientLimit limit(3);
  const io::Time start{};
  EXPECT_EQ(limit.note_refusal(from("192.0.2.1"), start),
            "closed 1 connection of clients that have 3 open already, the last of 192.0.2.1");
  EXPECT_FALSE(limit.note_refusal(from("192.0.2.1"), start + 1s));
  EXPECT_FALSE(limit.note_refusal(from("192.0.2.2"), start + 9s));
  EXPECT_EQ(limit.note_refusal(from("2001:db8::1"), start + 10s),
            "closed 3 connections of clients that have 3 open already, the last of 2001:db8::1");
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
  std::vector<std::optional<ClientLimit::Place>> places;
  for (int i = 0; i < 1000; ++i)
    places.push_back(limit.enter(from("192.0.2.1")));
  EXPECT_TRUE(places.back());
  EXPECT_FALSE(limit.enter(from("192.0.2.1")));
}

}  // namespace
}  // namespace onehop::server
