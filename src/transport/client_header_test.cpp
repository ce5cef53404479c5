// SPDX-License-Identifier: Apache-2.0
#include "transport/client_header.hpp"

#include "net/proxy_header.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace onehop::transport {
namespace {

// Returns "CLIENT SERVER", the addresses in the header of such a connection, or "none".
std::string header_of(std::string_view peer, std::string_view local, bool has_id = true) {
  ConnectionInfo connection;
  connection.peer = peer;
  connection.peer_port = 5;
  connection.local = local;
  if (has_id) connection.id = ConnectionId(7);
  const std::string header = client_header(connection);
  const auto read = net::read_proxy_header(header);
  EXPECT_TRUE(read && read->complete && read->size == header.size());
  if (!read->complete->ends) return "none";
  return read->complete->ends->client.to_string() + " " + read->complete->ends->server.to_string();
}

TEST(ClientHeader, NamesTheClientAndTheListener) {
  EXPECT_EQ(header_of("192.0.2.1", "127.0.0.1:80"), "192.0.2.1:5 127.0.0.1:80");
  EXPECT_EQ(header_of("2001:db8::1", "[::1]:80"), "[2001:db8::1]:5 [::1]:80");
  EXPECT_EQ(header_of("", "unix:/run/app.sock"), "unix: unix:/run/app.sock");
}

TEST(ClientHeader, HasTwoAddressesOfOneFamily) {
  EXPECT_EQ(header_of("192.0.2.1", "[::]:80"), "192.0.2.1:5 0.0.0.0:80");
  EXPECT_EQ(header_of("2001:db8::1", "127.0.0.1:80"), "[2001:db8::1]:5 [::]:80");
  EXPECT_EQ(header_of("192.0.2.1", "unix:/run/app.sock"), "192.0.2.1:5 0.0.0.0:0");
  EXPECT_EQ(header_of("", "127.0.0.1:80"), "unix: unix:");
  EXPECT_EQ(header_of("192.0.2.1", "in memory"), "192.0.2.1:5 0.0.0.0:0");
}

TEST(ClientHeader, IsLocalForRequestsThatNoServerReceived) {
  EXPECT_EQ(header_of("", "", false), "none");
}

}  // namespace
}  // namespace onehop::transport
