// SPDX-License-Identifier: Apache-2.0
#include "net/name_servers.hpp"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace onehop::net {
namespace {

std::string parsed(std::string_view text) {
  const auto address = parse_name_server(text);
  return address ? address->to_string() : std::string(address.error().detail());
}

TEST(NameServers, AreAddressesWithAPort) {
  EXPECT_EQ(parsed("10.0.0.53"), "10.0.0.53:53");
  EXPECT_EQ(parsed("10.0.0.53:5353"), "10.0.0.53:5353");
  EXPECT_EQ(parsed("fd00::53"), "[fd00::53]:53");
  EXPECT_EQ(parsed("[fd00::53]"), "[fd00::53]:53");
  EXPECT_EQ(parsed("[fd00::53]:5353"), "[fd00::53]:5353");
}

TEST(NameServers, RejectsHostNames) {
  for (const char* text : {"", "dns.example", "dns.example:53", ":53", "10.0.0", "10.0.0.53:53:53",
                           "fe80::1%eth0", "[10.0.0.53]:53", "udp://10.0.0.53", "10.0.0.53,::1"}) {
    EXPECT_EQ(parsed(text), "'" + std::string(text) +
                                "' is not an IP address, optionally with a port: 10.0.0.53 or "
                                "[fd00::53]:5353");
  }
}

// c-ares would read 70000 as 4464.
TEST(NameServers, RejectsPortsOutOfRange) {
  for (const char* text : {"10.0.0.53:0", "10.0.0.53:65536", "10.0.0.53:70000",
                           "10.0.0.53:", "10.0.0.53:x", "[::1]:-1"}) {
    EXPECT_EQ(parsed(text), "'" + std::string(text) + "' does not end in a port from 1 to 65535");
  }
}

// c-ares refuses brackets without a port.
TEST(NameServers, AListContainsEachWithItsPort) {
  EXPECT_EQ(list_of_name_servers({}), "");
  EXPECT_EQ(list_of_name_servers({"10.0.0.53", "[::1]"}), "10.0.0.53:53,[::1]:53");
  EXPECT_THROW(list_of_name_servers({"10.0.0.53", "dns.example"}), std::invalid_argument);
}

}  // namespace
}  // namespace onehop::net
