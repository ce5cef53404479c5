// SPDX-License-Identifier: Apache-2.0
#include "server/request_facts.hpp"

#include "base/arena.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

// A handler may keep its request longer than the connection exists.
TEST(RequestFacts, AreDeepCopied) {
  std::string text = "192.0.2.7";
  TlsInfo tls;
  tls.protocol = tls.server_name = tls.client_subject = text;
  ConnectionInfo connection;
  connection.peer = connection.local = text;
  connection.tls = true;
  connection.tls_info = &tls;
  const ArenaRef arena = Arena::create();
  const ExchangeRecord* const record = open_record(*arena, connection, {});
  const ConnectionInfo copy = facts_of(*arena, connection, *record);
  tls = TlsInfo();
  text.assign(text.size(), '-');
  EXPECT_EQ(copy.peer, "192.0.2.7");
  EXPECT_EQ(copy.client, "192.0.2.7");
  EXPECT_EQ(copy.local, "192.0.2.7");
  ASSERT_TRUE(copy.tls_info);
  EXPECT_EQ(copy.tls_info->protocol, "192.0.2.7");
  EXPECT_EQ(copy.tls_info->server_name, "192.0.2.7");
  EXPECT_EQ(copy.tls_info->client_subject, "192.0.2.7");
}

TEST(RequestFacts, HaveNoTlsInfoWithoutTls) {
  const ArenaRef arena = Arena::create();
  EXPECT_FALSE(facts_of(*arena, ConnectionInfo(), ExchangeRecord()).tls_info);
}

// The text that names the client belongs to the request, which the handler may change.
TEST(RequestFacts, TheClientOfATrustedPeerIsCopiedToo) {
  ConnectionInfo connection;
  connection.peer = "10.0.0.2";
  const ArenaRef arena = Arena::create();
  ExchangeRecord* const record = open_record(*arena, connection, {});
  EXPECT_EQ(record->client, "10.0.0.2");
  std::string text = "203.0.113.9";
  Headers headers({{"X-Forwarded-For", text}});
  record_client(*record, headers, TrustedPeers({"10.0.0.0/8"}), *arena);
  headers = Headers();
  const ConnectionInfo copy = facts_of(*arena, connection, *record);
  EXPECT_EQ(record->client, "203.0.113.9");
  EXPECT_EQ(record->peer, "10.0.0.2");
  EXPECT_EQ(copy.client, "203.0.113.9");
  EXPECT_EQ(copy.peer, "10.0.0.2");
}

}  // namespace
}  // namespace onehop::server
