// SPDX-License-Identifier: Apache-2.0
#include "net/tls_dialer.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::net {
namespace {

TEST(TlsSessionsByServer, AreSharedPerServer) {
  TlsSessionsByServer all;
  const auto sessions = all.of("a:443");
  EXPECT_EQ(all.of("a:443"), sessions);
  EXPECT_NE(all.of("a:8443"), sessions);
}

// A hook may take the host from the request, so the number of servers is unbounded.
TEST(TlsSessionsByServer, LimitTheNumberOfServers) {
  TlsSessionsByServer all;
  for (std::size_t i = 0; i < 10 * TlsSessionsByServer::kServersKept; ++i) {
    all.of(std::to_string(i));
    EXPECT_LE(all.servers(), TlsSessionsByServer::kServersKept);
  }
}

TEST(TlsSessionsByServer, KeepServersInUse) {
  TlsSessionsByServer all;
  std::vector<std::shared_ptr<TlsSessions>> used;
  for (std::size_t i = 0; i < 2 * TlsSessionsByServer::kServersKept; ++i)
    used.push_back(all.of(std::to_string(i)));
  for (std::size_t i = 0; i < 10 * TlsSessionsByServer::kServersKept; ++i)
    all.of("other-" + std::to_string(i));
  for (std::size_t i = 0; i < used.size(); ++i)
    EXPECT_EQ(all.of(std::to_string(i)), used[i]);
  EXPECT_LE(all.servers(), 4 * TlsSessionsByServer::kServersKept);
}

}  // namespace
}  // namespace onehop::net
