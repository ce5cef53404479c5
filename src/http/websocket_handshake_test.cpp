// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_handshake.hpp"

#include <gtest/gtest.h>

namespace onehop {
namespace {

Request handshake() {
  return {Method::get,
          Url::parse_target("/ws").value(),
          {{"Connection", "keep-alive, Upgrade"},
           {"Upgrade", "websocket"},
           {"Sec-WebSocket-Version", "13"},
           {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}};
}

TEST(WebSocketHandshake, AcceptsTheKeyOfTheSpecification) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

// The key and the fixed text together end one byte before the length field of a block, at its
// start, and after it.
TEST(WebSocketHandshake, PadsEveryLengthCorrectly) {
  EXPECT_EQ(websocket_accept(std::string(19, 'a')), "yzaGyu0mcUukN7CdsSwa30tnCpc=");
  EXPECT_EQ(websocket_accept(std::string(20, 'a')), "dUYRM7bOMwDmbriNIPr11x+r3E0=");
  EXPECT_EQ(websocket_accept(std::string(28, 'a')), "xMWmCBqYJY4uXzUs8PNU1t+Pzro=");
}

TEST(WebSocketHandshake, RequiresGetVersion13AndAKey) {
  EXPECT_TRUE(is_websocket_handshake(handshake()));

  Request post = handshake();
  post.set_method(Method::post);
  EXPECT_FALSE(is_websocket_handshake(post));

  Request old = handshake();
  old.headers().set("Sec-WebSocket-Version", "8");
  EXPECT_FALSE(is_websocket_handshake(old));

  Request keyless = handshake();
  keyless.headers().erase("Sec-WebSocket-Key");
  EXPECT_FALSE(is_websocket_handshake(keyless));

  Request plain = handshake();
  plain.headers().erase("Upgrade");
  EXPECT_FALSE(is_websocket_handshake(plain));
}

}  // namespace
}  // namespace onehop
