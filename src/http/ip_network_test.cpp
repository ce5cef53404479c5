// SPDX-License-Identifier: Apache-2.0

#include "http/ip_network.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

bool contains(std::string_view network, std::string_view address) {
  const std::optional<IpNetwork> parsed_network = IpNetwork::parse(network);
  const std::optional<IpAddress> parsed_address = IpAddress::parse(address);
  EXPECT_TRUE(parsed_network) << network;
  EXPECT_TRUE(parsed_address) << address;
  return parsed_network && parsed_address && parsed_network->contains(*parsed_address);
}

TEST(IpNetwork, ContainsTheAddressesWithItsPrefix) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.128"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(IpNetwork, ContainsOneAddressWithoutAPrefix) {
  EXPECT_TRUE(contains("127.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(contains("127.0.0.1", "127.0.0.2"));
  EXPECT_TRUE(contains("::1", "0:0:0:0:0:0:0:1"));
  EXPECT_FALSE(contains("::1", "::2"));
}

TEST(IpNetwork, MayContainEveryAddressOfAFamily) {
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_TRUE(contains("::/0", "2001:db8::1"));
}

TEST(IpNetwork, KeepsTheFamiliesApart) {
  EXPECT_FALSE(contains("::/0", "192.0.2.1"));
  EXPECT_FALSE(contains("::/0", "::ffff:192.0.2.1"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
}

TEST(IpNetwork, TreatsAMappedAddressAsIpv4) {
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.0.0.1"));
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:a00:1"));
  EXPECT_TRUE(contains("::ffff:10.0.0.0/104", "10.0.0.1"));
  EXPECT_FALSE(contains("::ffff:10.0.0.0/104", "11.0.0.1"));
}

TEST(IpNetwork, RefusesBitsAfterThePrefixAndNamesTheNetwork) {
  for (const auto& [text, meant] :
       {std::pair{"10.1.2.3/8", "10.0.0.0/8, or the one address 10.1.2.3"},
        {"192.168.1.129/25", "192.168.1.128/25"},
        {"2001:db8::1/32", "2001:db8::/32"},
        {"::ffff:10.0.0.1/104", "10.0.0.0/8"},
        {"[::1]", "::1"},
        {"fe80::1%eth0", "fe80::1"}}) {
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
    EXPECT_NE(IpNetwork::why_none(text).find("did you mean " + std::string(meant)),
              std::string::npos)
        << IpNetwork::why_none(text);
  }
  EXPECT_EQ(IpNetwork::why_none("10.0.0.0/33"),
            "'10.0.0.0/33' is not a network such as 10.0.0.0/8, ::1 or unix");
  EXPECT_EQ(IpNetwork::why_none("10.0.0.0/8"), "");
}

TEST(IpNetwork, IgnoresTheZoneOfAnAddress) {
  EXPECT_TRUE(contains("fe80::/10", "fe80::1%eth0"));
  EXPECT_FALSE(IpAddress::parse("192.0.2.1%eth0"));
}

TEST(IpAddress, IsWrittenAsALiteral) {
  const auto written = [](const char* text) {
    std::array<char, IpAddress::kLongestText> out{};
    const char* const end = IpAddress::parse(text)->write(out.data());
    return std::string(out.data(), static_cast<std::size_t>(end - out.data()));
  };
  EXPECT_EQ(written("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(written("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(written("2001:DB8:0:0::1%eth0"), "2001:db8::1");
  EXPECT_EQ(written("1111:2222:3333:4444:5555:6666:255.255.255.255"),
            "1111:2222:3333:4444:5555:6666:ffff:ffff");
}

TEST(IpNetwork, RejectsInvalidNetworks) {
  for (const char* text :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0/8",
        "localhost", "[::1]", "::1]", "10.0.0.1:80", " 10.0.0.1", "::ffff:10.0.0.0/95",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999"}) {
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
  }
  EXPECT_FALSE(IpNetwork::parse(std::string(1000, '1')));
  EXPECT_FALSE(IpNetwork::parse(std::string_view("10.0.0.1\0x", 10)));
}

}  // namespace
}  // namespace onehop
