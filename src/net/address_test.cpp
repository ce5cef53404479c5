// SPDX-License-Identifier: Apache-2.0
#include "net/address.hpp"

#include <cstddef>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace onehop::net {
namespace {

using ::testing::HasSubstr;

std::string listen_text(std::string_view text) {
  const auto address = Address::parse_listen(text);
  return address ? address->to_string() : "refused";
}

TEST(Address, ReadsIpLiterals) {
  EXPECT_EQ(Address::from_ip("192.0.2.1", 80).value().to_string(), "192.0.2.1:80");
  EXPECT_EQ(Address::from_ip("2001:DB8::1", 8080).value().to_string(), "[2001:db8::1]:8080");
  EXPECT_EQ(Address::from_ip("[::1]", 0).value().to_string(), "[::1]:0");
  EXPECT_EQ(Address::from_ip("::", 65535).value().to_string(), "[::]:65535");
}

TEST(Address, RejectsInvalidIpLiterals) {
  for (const char* text :
       {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "[1.2.3.4]",
        "[]", "[::1", "::1]", "fe80::1%eth0", "0x7f000001", "1:2"}) {
    EXPECT_FALSE(Address::from_ip(text, 80)) << text;
  }
  EXPECT_FALSE(Address::from_ip(std::string(200, '1'), 80));
  EXPECT_FALSE(Address::from_ip(std::string("1.2.3.4\0x", 9), 80));
}

TEST(Address, WritesTheIpWithoutThePort) {
  char text[46];
  const auto write = [&](const char* ip) {
    const Address address = *Address::from_ip(ip, 80);
    return std::string(text, address.write_ip(text));
  };
  EXPECT_EQ(write("203.0.113.255"), "203.0.113.255");
  EXPECT_EQ(write("0.0.0.0"), "0.0.0.0");
  EXPECT_EQ(write("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(write("1111:2222:3333:4444:5555:6666:7777:8888"),
            "1111:2222:3333:4444:5555:6666:7777:8888");
  EXPECT_EQ(Address::from_ip("192.0.2.1", 80)->ip(), "192.0.2.1");
}

TEST(Address, ShowsAnIpv4PeerOfADualStackSocketAsIpv4) {
  const Address mapped = *Address::from_ip("::ffff:192.0.2.1", 443);
  EXPECT_EQ(mapped.ip(), "192.0.2.1");
  EXPECT_EQ(mapped.to_string(), "192.0.2.1:443");
  EXPECT_EQ(mapped.port(), 443);
}

TEST(Address, HasAPortThatCanBeChanged) {
  Address address = *Address::from_ip("192.0.2.1", 80);
  address.set_port(8080);
  EXPECT_EQ(address.port(), 8080);
  Address v6 = *Address::from_ip("::1", 80);
  v6.set_port(1);
  EXPECT_EQ(v6.port(), 1);
}

TEST(Address, HoldsThePathOfAUnixSocket) {
  const auto address = Address::from_socket_path("/run/app.sock");
  ASSERT_TRUE(address);
  EXPECT_TRUE(address->is_unix());
  EXPECT_EQ(address->to_string(), "unix:/run/app.sock");
  EXPECT_EQ(address->ip(), "");
  EXPECT_EQ(address->port(), 0);
  EXPECT_TRUE(Address::from_socket_path(std::string(107, 'x')));
}

TEST(Address, RefusesPathsThatDoNotFit) {
  const auto address = Address::from_socket_path(std::string(108, 'x'));
  ASSERT_FALSE(address);
  EXPECT_TRUE(address.error().is(Errc::bad_option));
  EXPECT_THAT(std::string(address.error().detail()), HasSubstr("at most 107"));
  EXPECT_FALSE(Address::from_socket_path(""));
  EXPECT_FALSE(Address::from_socket_path(std::string_view("a\0b", 3)));
}

TEST(Address, ShowsUnnamedAndAbstractUnixPeers) {
  sockaddr_un unix_address{};
  unix_address.sun_family = AF_UNIX;
  const auto* data = reinterpret_cast<const sockaddr*>(&unix_address);
  EXPECT_EQ(Address(data, sizeof(sa_family_t)).to_string(), "unix:");
  unix_address.sun_path[1] = 'q';
  EXPECT_EQ(Address(data, offsetof(sockaddr_un, sun_path) + 2).to_string(), "unix:@q");
}

TEST(Address, ComparesByValue) {
  EXPECT_EQ(*Address::from_ip("192.0.2.1", 80), *Address::from_ip("192.0.2.1", 80));
  EXPECT_NE(*Address::from_ip("192.0.2.1", 80), *Address::from_ip("192.0.2.1", 81));
  EXPECT_NE(*Address::from_ip("192.0.2.1", 80), *Address::from_ip("192.0.2.2", 80));
  EXPECT_EQ(*Address::from_ip("::1", 80), *Address::from_ip("[0::1]", 80));
  EXPECT_NE(*Address::from_ip("::1", 80), *Address::from_ip("::2", 80));
  EXPECT_NE(*Address::from_ip("::1", 80), *Address::from_ip("127.0.0.1", 80));
  EXPECT_EQ(*Address::from_socket_path("/a"), *Address::from_socket_path("/a"));
  EXPECT_NE(*Address::from_socket_path("/a"), *Address::from_socket_path("/ab"));
  EXPECT_EQ(Address(), Address());
}

TEST(Address, ParsesListenAddresses) {
  EXPECT_EQ(listen_text("127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(listen_text("[::1]:0"), "[::1]:0");
  EXPECT_EQ(listen_text("localhost:8080"), "127.0.0.1:8080");
  EXPECT_EQ(listen_text("unix:/run/a.sock"), "unix:/run/a.sock");
  EXPECT_EQ(listen_text("unix:///run/a.sock"), "unix:/run/a.sock");
  EXPECT_EQ(listen_text("unix:a.sock"), "unix:a.sock");
  EXPECT_EQ(listen_text("http://127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(listen_text("http://127.0.0.1:81/"), "127.0.0.1:81");
  EXPECT_EQ(listen_text("http://127.0.0.1"), "127.0.0.1:80");
  EXPECT_EQ(listen_text("http://[::1]"), "[::1]:80");
  EXPECT_EQ(listen_text("https://127.0.0.1"), "127.0.0.1:443");
  EXPECT_EQ(listen_text("https://127.0.0.1:8443/"), "127.0.0.1:8443");
  EXPECT_EQ(listen_text("0.0.0.0:65535"), "0.0.0.0:65535");
}

TEST(Address, APortAloneMeansAllAddresses) {
  const std::string every = listen_text(":8080");
  EXPECT_TRUE(every == "[::]:8080" || every == "0.0.0.0:8080") << every;
  for (const char* text : {"8080", "*:8080", "http://:8080"})
    EXPECT_EQ(listen_text(text), every);
}

TEST(Address, TheSchemeOfAListenAddressSelectsTls) {
  EXPECT_TRUE(listens_with_tls("https://:8443", false));
  EXPECT_TRUE(listens_with_tls(":8443", true));
  EXPECT_FALSE(listens_with_tls(":8443", false));
  EXPECT_FALSE(listens_with_tls("http://:8080", true));
  EXPECT_FALSE(listens_with_tls("unix:/run/a.sock", true));
}

TEST(Address, ReportsWhyAListenAddressIsInvalid) {
  const auto detail = [](std::string_view text) {
    const auto address = Address::parse_listen(text);
    return address ? "accepted" : std::string(address.error().detail());
  };
  EXPECT_THAT(detail(""), HasSubstr("the address is missing"));
  EXPECT_THAT(detail("127.0.0.1"), HasSubstr("the port is missing"));
  EXPECT_THAT(detail("[::1]"), HasSubstr("the port is missing"));
  EXPECT_THAT(detail("127.0.0.1:"), HasSubstr("port is not a number"));
  EXPECT_THAT(detail("127.0.0.1:65536"), HasSubstr("port is not a number"));
  EXPECT_THAT(detail("127.0.0.1:-1"), HasSubstr("port is not a number"));
  EXPECT_THAT(detail("::1:80"), HasSubstr("brackets"));
  EXPECT_THAT(detail("example.com:80"), HasSubstr("neither an IP address nor localhost"));
  EXPECT_THAT(detail("https://:x"), HasSubstr("port is not a number"));
  EXPECT_THAT(detail("unix:"), HasSubstr("path"));
  EXPECT_THAT(detail("example.com:80"), HasSubstr("write :8080"));
}

}  // namespace
}  // namespace onehop::net
