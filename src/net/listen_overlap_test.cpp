// SPDX-License-Identifier: Apache-2.0
#include "net/listen_overlap.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace onehop::net {
namespace {

std::string overlap(const std::vector<std::string>& texts) {
  std::vector<ListenerName> listeners;
  for (const std::string& text : texts) {
    const auto address = Address::parse_listen(text);
    EXPECT_TRUE(address) << text;
    listeners.push_back({text, *address});
  }
  return why_listeners_overlap(listeners);
}

TEST(ListenOverlap, NamesBothListeners) {
  EXPECT_EQ(overlap({"127.0.0.1:80", "127.0.0.1:81", "127.0.0.1:80"}),
            "127.0.0.1:80 is given twice");
  EXPECT_EQ(overlap({"[::]:80", "127.0.0.1:80"}), "127.0.0.1:80 is covered by [::]:80");
  EXPECT_EQ(overlap({"127.0.0.1:80", "0.0.0.0:80"}), "127.0.0.1:80 is covered by 0.0.0.0:80");
  EXPECT_EQ(overlap({"0.0.0.0:80", "[::]:80"}), "0.0.0.0:80 is covered by [::]:80");
  EXPECT_EQ(overlap({"[::ffff:127.0.0.1]:80", "http://127.0.0.1:80"}),
            "[::ffff:127.0.0.1]:80 and http://127.0.0.1:80 are the same address");
  EXPECT_EQ(overlap({"unix:a", "unix://a"}), "unix:a and unix://a are the same address");
}

TEST(ListenOverlap, LeavesOthersAlone) {
  EXPECT_EQ(overlap({"127.0.0.1:80", "127.0.0.2:80", "[::1]:80", "127.0.0.1:81", "unix:a", "unix:b",
                     "127.0.0.1:0", "127.0.0.1:0", ":0", ":0"}),
            "");
  EXPECT_EQ(overlap({"0.0.0.0:80", "[::1]:80"}), "");
}

}  // namespace
}  // namespace onehop::net
