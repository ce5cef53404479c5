// SPDX-License-Identifier: Apache-2.0

#include "http/list_value.hpp"

#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

struct ListCase {
  std::string_view value;
  std::string_view members;  // each followed by '|'
};

TEST(ListMembers, Table) {
  for (const ListCase& c : {ListCase{"", ""}, ListCase{" \t", ""}, ListCase{",", ""},
                            ListCase{", ,\t,", ""}, ListCase{"a", "a|"}, ListCase{"a,b", "a|b|"},
                            ListCase{" a ,\tb\t", "a|b|"}, ListCase{",a,,b,", "a|b|"},
                            ListCase{"a b, c", "a b|c|"}, ListCase{"\"x,y\"", "\"x|y\"|"}}) {
    std::string members;
    for (const std::string_view member : ListMembers(c.value))
      members.append(member).append("|");
    EXPECT_EQ(members, c.members) << c.value;
  }
}

TEST(ListMembers, ListHas) {
  EXPECT_TRUE(list_has("close, Upgrade", "upgrade"));
  EXPECT_FALSE(list_has("closed, Upgrades", "upgrade"));
  EXPECT_FALSE(list_has("", ""));
}

}  // namespace
}  // namespace onehop
