// SPDX-License-Identifier: Apache-2.0

#include "http/trusted_peers.hpp"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(TrustedPeers, IsEmptyByDefault) {
  const TrustedPeers nobody;
  EXPECT_FALSE(nobody.includes("127.0.0.1"));
  EXPECT_FALSE(nobody.includes("::1"));
  EXPECT_FALSE(nobody.includes(""));
  EXPECT_TRUE(nobody.empty());
  EXPECT_FALSE(TrustedPeers({"unix"}).empty());
  EXPECT_FALSE(TrustedPeers({"::1"}).empty());
}

TEST(TrustedPeers, IncludesThePeersOfEachEntry) {
  const TrustedPeers peers({"10.0.0.0/8", "::1"});
  EXPECT_TRUE(peers.includes("10.1.2.3"));
  EXPECT_TRUE(peers.includes("::1"));
  EXPECT_TRUE(peers.includes("::ffff:10.1.2.3"));
  EXPECT_FALSE(peers.includes("192.0.2.1"));
  EXPECT_FALSE(peers.includes("no address"));
}

// XF07: a peer without an address is not trusted by default.
TEST(TrustedPeers, IncludesUnixPeersOnlyWhenListed) {
  EXPECT_FALSE(TrustedPeers({"0.0.0.0/0", "::/0"}).includes(""));
  EXPECT_TRUE(TrustedPeers({"unix"}).includes(""));
  EXPECT_FALSE(TrustedPeers({"unix"}).includes("127.0.0.1"));
}

TEST(TrustedPeers, NamesTheInvalidEntry) {
  try {
    const TrustedPeers peers({"::1", "10.0.0.0/99"});
    FAIL() << "10.0.0.0/99 was taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("'10.0.0.0/99'"));
  }
}

}  // namespace
}  // namespace onehop
