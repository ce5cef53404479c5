// SPDX-License-Identifier: Apache-2.0
#include "net/peer_user.hpp"

#include "io/file_descriptor.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace onehop::net {
namespace {

TEST(PeerUser, IsTheUserOfTheOtherEnd) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const io::FileDescriptor one(ends[0]);
  const io::FileDescriptor other(ends[1]);
  EXPECT_EQ(peer_user(one.get()), ::geteuid());
}

TEST(PeerUser, IsUnknownForOtherDescriptors) {
  const io::FileDescriptor tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(peer_user(tcp.get()), std::nullopt);
  EXPECT_EQ(peer_user(-1), std::nullopt);
}

}  // namespace
}  // namespace onehop::net
