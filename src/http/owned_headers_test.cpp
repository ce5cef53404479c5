// SPDX-License-Identifier: Apache-2.0

#include <onehop/owned_headers.hpp>

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

template <class List>
Pairs pairs_of(const List& list) {
  Pairs pairs;
  for (const Field field : list)
    pairs.emplace_back(field.name, field.value);
  return pairs;
}

const Pairs kPairs = {{"Host", "h"}, {"X-a", ""}, {"x-A", "2"}, {"Vary", "*"}};

OwnedHeaders copied() {
  // The message is destroyed before the copy is used.
  const Headers headers = {{"Host", "h"}, {"X-a", ""}, {"x-A", "2"}, {"Vary", "*"}};
  return OwnedHeaders(headers);
}

TEST(OwnedHeaders, OutliveTheirMessage) {
  const OwnedHeaders owned = copied();
  EXPECT_EQ(pairs_of(owned), kPairs);
  EXPECT_EQ(owned.size(), 4U);
  EXPECT_EQ(owned.get("HOST"), "h");
  EXPECT_EQ(owned.get("X-A"), "");
  EXPECT_EQ(owned.get("Y"), std::nullopt);
  EXPECT_EQ(owned.get_or_empty("Y"), "");
  EXPECT_TRUE(owned.has("vary"));
  EXPECT_EQ(owned.get_all("x-a"), (std::vector<std::string_view>{"", "2"}));
  EXPECT_TRUE(OwnedHeaders().empty());
  EXPECT_TRUE(OwnedHeaders(Headers()).empty());
}

TEST(OwnedHeaders, CopyFromAndToHeaders) {
  OwnedHeaders owned = copied();
  const OwnedHeaders second = owned;
  owned = OwnedHeaders();
  Headers headers = second.to_headers();
  headers.set("Host", "other");
  EXPECT_EQ(headers.get("X-A"), "");
  EXPECT_EQ(pairs_of(second), kPairs);
  EXPECT_EQ(pairs_of(second.to_headers()), kPairs);
}

}  // namespace
}  // namespace onehop
