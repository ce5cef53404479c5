// SPDX-License-Identifier: Apache-2.0
#include "net/listen_overlap.hpp"

#include <filesystem>
#include <string>
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

TEST(ListenOverlap, RecognizesAFileByItsOtherNames) {
  for (const char* const other : {"unix:./a.sock", "unix:b/../a.sock", "unix://.//a.sock"}) {
    EXPECT_EQ(overlap({"unix:a.sock", other}),
              "unix:a.sock and " + std::string(other) + " are the same address");
  }
  const std::string folder = ::testing::TempDir() + "overlap";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder + "/real");
  std::filesystem::create_directory_symlink("real", folder + "/link");
  EXPECT_NE(overlap({"unix:" + folder + "/real/a", "unix:" + folder + "/link/a"}), "");
  EXPECT_EQ(overlap({"unix:" + folder + "/real/a", "unix:" + folder + "/link/b"}), "");
  EXPECT_EQ(overlap({"unix:a.sock", "unix:/a.sock", "unix:b/a.sock"}), "");
  std::filesystem::remove_all(folder);
}

TEST(ListenOverlap, AcceptsDistinctListeners) {
  EXPECT_EQ(overlap({"127.0.0.1:80", "127.0.0.2:80", "[::1]:80", "127.0.0.1:81", "unix:a", "unix:b",
                     "127.0.0.1:0", "127.0.0.1:0", ":0", ":0"}),
            "");
  EXPECT_EQ(overlap({"0.0.0.0:80", "[::1]:80"}), "");
}

}  // namespace
}  // namespace onehop::net
