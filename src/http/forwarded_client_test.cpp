// SPDX-License-Identifier: Apache-2.0

#include "http/forwarded_client.hpp"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

// Returns "none" if the client is the peer.
std::string client_in(const std::vector<const char*>& lines,
                      const std::vector<std::string>& trust = {"10.0.0.0/8", "fd00::/8"}) {
  Headers headers;
  headers.add("X-A", "10.0.0.1");
  for (const char* line : lines) {
    headers.add("x-forwarded-FOR", line);
    headers.add("X_Forwarded_For", "192.0.2.66");
  }
  const auto client = forwarded_client(headers, TrustedPeers(trust));
  if (!client) return "none";
  std::array<char, IpAddress::kLongestText> out{};
  const char* const end = client->write(out.data());
  return {out.data(), static_cast<std::size_t>(end - out.data())};
}

TEST(ForwardedClient, IsTheRightmostUntrustedAddress) {
  EXPECT_EQ(client_in({"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_in({"203.0.113.9, 10.0.0.7"}), "203.0.113.9");
  EXPECT_EQ(client_in({"192.0.2.1, 203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_in({"192.0.2.1, 203.0.113.9, 10.0.0.7,10.0.0.8"}), "203.0.113.9");
  EXPECT_EQ(client_in({"10.9.9.9, 203.0.113.9, 10.0.0.7"}), "203.0.113.9");
  EXPECT_EQ(client_in({"2001:db8::9, fd00::1"}), "2001:db8::9");
}

TEST(ForwardedClient, JoinsAllLinesIntoOneList) {
  EXPECT_EQ(client_in({"192.0.2.1", "203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_in({"192.0.2.1", "203.0.113.9, 10.0.0.1", "10.0.0.2", "", " , "}),
            "203.0.113.9");
  EXPECT_EQ(client_in({"192.0.2.1", "10.0.0.2, 10.0.0.1"}), "192.0.2.1");
}

TEST(ForwardedClient, IsTheLeftmostIfAllAreTrusted) {
  EXPECT_EQ(client_in({"10.0.0.1"}), "10.0.0.1");
  EXPECT_EQ(client_in({"10.0.0.3, 10.0.0.2", "10.0.0.1"}), "10.0.0.3");
  EXPECT_EQ(client_in({"1.2.3.4, 5.6.7.8"}, {"0.0.0.0/0"}), "1.2.3.4");
}

TEST(ForwardedClient, IsThePeerWithoutAnAddress) {
  EXPECT_EQ(client_in({}), "none");
  EXPECT_EQ(client_in({""}), "none");
  EXPECT_EQ(client_in({" ", ",,, ,"}), "none");
  EXPECT_EQ(client_in({"unknown"}), "none");
}

TEST(ForwardedClient, AcceptsPortsBracketsZonesAndMappedAddresses) {
  EXPECT_EQ(client_in({"203.0.113.9:4711"}), "203.0.113.9");
  EXPECT_EQ(client_in({"[2001:DB8::9]"}), "2001:db8::9");
  EXPECT_EQ(client_in({"[2001:db8::9]:443"}), "2001:db8::9");
  EXPECT_EQ(client_in({"2001:db8::9%eth0"}), "2001:db8::9");
  EXPECT_EQ(client_in({"::ffff:203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_in({"[::ffff:203.0.113.9]:1"}), "203.0.113.9");
  EXPECT_EQ(client_in({"203.0.113.9, 10.0.0.1:80, [fd00::1]:80, [::ffff:10.0.0.2]:1"}),
            "203.0.113.9");
}

// The last known address is that of the proxy that wrote the entry.
TEST(ForwardedClient, StopsAtAnInvalidAddress) {
  for (const char* entry : {"unknown",
                            "_hidden",
                            "localhost",
                            "203.0.113",
                            "203.0.113.9:",
                            "203.0.113.9:x",
                            "203.0.113.9:65536",
                            "203.0.113.9:-1",
                            "203.0.113.9 10.0.0.1",
                            "[203.0.113.9]",
                            "[2001:db8::9",
                            "2001:db8::9]",
                            "[2001:db8::9]443",
                            "[2001:db8::9]:",
                            "[]",
                            "[",
                            "]:1",
                            ":",
                            ":80",
                            "\"203.0.113.9\"",
                            "for=203.0.113.9",
                            "203.0.113.9%eth0",
                            "203.0.113.9/32",
                            "0x7f.1",
                            "1",
                            "256.0.0.1",
                            "::1::",
                            "%",
                            "1:2"}) {
    EXPECT_EQ(client_in({entry}), "none") << entry;
    const std::string behind = std::string("198.51.100.1, ") + entry + ", 10.0.0.2, 10.0.0.1";
    EXPECT_EQ(client_in({behind.c_str()}), "10.0.0.2") << entry;
  }
  EXPECT_EQ(client_in({"\"a, 203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client_in({"203.0.113.9, b\""}), "none");
}

TEST(ForwardedClient, IsFoundInALongList) {
  std::string list = "203.0.113.9";
  for (int i = 0; i < 6000; ++i)
    list += ",10.0.0.1";
  EXPECT_EQ(client_in({list.c_str()}), "203.0.113.9");
}

}  // namespace
}  // namespace onehop
