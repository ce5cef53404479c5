// SPDX-License-Identifier: Apache-2.0
#include "net/address_order.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using ::testing::ElementsAre;

std::vector<Address> addresses(const std::vector<std::string>& ips) {
  std::vector<Address> made;
  for (const std::string& ip : ips)
    made.push_back(*Address::from_ip(ip, 80));
  return made;
}

std::vector<std::string> ips(const std::vector<Address>& list) {
  std::vector<std::string> texts;
  for (const Address& address : list)
    texts.push_back(address.ip());
  return texts;
}

// `sources` maps destinations to this machine's source address; others have no route.
std::vector<std::string> sorted(const std::vector<std::string>& list,
                                const std::map<std::string, std::string>& sources) {
  std::vector<Address> made = addresses(list);
  sort_by_preference(made, [&](const Address& to) -> std::optional<Address> {
    const auto found = sources.find(to.ip());
    if (found == sources.end()) return std::nullopt;
    return Address::from_ip(found->second, 0);
  });
  return ips(made);
}

TEST(AddressOrder, Ipv6ComesFirstIfItIsRoutable) {
  EXPECT_THAT(sorted({"198.51.100.1", "2001:db8::1"},
                     {{"198.51.100.1", "10.0.0.1"}, {"2001:db8::1", "2001:db8::2"}}),
              ElementsAre("2001:db8::1", "198.51.100.1"));
  EXPECT_THAT(sorted({"2001:db8::1", "198.51.100.1"}, {{"198.51.100.1", "10.0.0.1"}}),
              ElementsAre("198.51.100.1", "2001:db8::1"));
}

TEST(AddressOrder, AMismatchedSourceLowersAnAddress) {
  // The only source address for a global destination is unique local or 6to4 (rule 5).
  EXPECT_THAT(sorted({"2001:db8::1", "198.51.100.1"},
                     {{"2001:db8::1", "fd00::2"}, {"198.51.100.1", "192.0.2.1"}}),
              ElementsAre("198.51.100.1", "2001:db8::1"));
  EXPECT_THAT(sorted({"2001:db8::1", "198.51.100.1"},
                     {{"2001:db8::1", "2002:c000:201::1"}, {"198.51.100.1", "192.0.2.1"}}),
              ElementsAre("198.51.100.1", "2001:db8::1"));
  // The only source address is link-local (rule 2).
  EXPECT_THAT(sorted({"2001:db8::1", "198.51.100.1"},
                     {{"2001:db8::1", "fe80::2"}, {"198.51.100.1", "192.0.2.1"}}),
              ElementsAre("198.51.100.1", "2001:db8::1"));
}

TEST(AddressOrder, OrdersLoopbackAndUniqueLocalAddressesByPrecedence) {
  EXPECT_THAT(sorted({"127.0.0.1", "::1"}, {{"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}}),
              ElementsAre("::1", "127.0.0.1"));
  EXPECT_THAT(
      sorted({"fd00::1", "198.51.100.1"}, {{"fd00::1", "fd00::2"}, {"198.51.100.1", "192.0.2.1"}}),
      ElementsAre("198.51.100.1", "fd00::1"));
}

TEST(AddressOrder, KeepsTheOrderOfTheNameServerWithinAFamily) {
  EXPECT_THAT(
      sorted({"10.0.0.3", "10.0.0.1", "10.0.0.2"},
             {{"10.0.0.3", "10.0.0.9"}, {"10.0.0.1", "10.0.0.9"}, {"10.0.0.2", "10.0.0.9"}}),
      ElementsAre("10.0.0.3", "10.0.0.1", "10.0.0.2"));
}

TEST(AddressOrder, AsksTheKernelForTheSourceAddress) {
  const auto source = kernel_source_of(*Address::from_ip("127.0.0.1", 0));
  ASSERT_TRUE(source);
  EXPECT_EQ(source->ip(), "127.0.0.1");
}

TEST(AddressOrder, AlternatesFamiliesUpToALimit) {
  const auto list = addresses({"::1", "::2", "10.0.0.1", "::3", "10.0.0.2"});
  EXPECT_THAT(ips(take_turns(list, 10)), ElementsAre("::1", "10.0.0.1", "::2", "10.0.0.2", "::3"));
  EXPECT_THAT(ips(take_turns(list, 3)), ElementsAre("::1", "10.0.0.1", "::2"));
  EXPECT_TRUE(take_turns({}, 3).empty());
}

}  // namespace
}  // namespace onehop::net
