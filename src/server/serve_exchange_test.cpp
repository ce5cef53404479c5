// SPDX-License-Identifier: Apache-2.0
#include "server/serve_exchange.hpp"

#include "base/arena.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

// A handler may keep its request for longer than the connection lives.
TEST(ServeExchange, FactsOfAConnectionAreCopiedWithAllTheyPointTo) {
  std::string text = "192.0.2.7";
  TlsInfo tls;
  tls.protocol = tls.server_name = tls.client_subject = text;
  ConnectionInfo connection;
  connection.peer = connection.local = text;
  connection.tls = true;
  connection.tls_info = &tls;
  const ArenaRef arena = Arena::create();
  const ConnectionInfo copy = copy_into(*arena, connection);
  tls = TlsInfo();
  text.assign(text.size(), '-');
  EXPECT_EQ(copy.peer, "192.0.2.7");
  EXPECT_EQ(copy.local, "192.0.2.7");
  ASSERT_TRUE(copy.tls_info);
  EXPECT_EQ(copy.tls_info->protocol, "192.0.2.7");
  EXPECT_EQ(copy.tls_info->server_name, "192.0.2.7");
  EXPECT_EQ(copy.tls_info->client_subject, "192.0.2.7");
}

TEST(ServeExchange, AConnectionInClearHasNoFactsOfTls) {
  const ArenaRef arena = Arena::create();
  EXPECT_FALSE(copy_into(*arena, ConnectionInfo()).tls_info);
}

}  // namespace
}  // namespace onehop::server
