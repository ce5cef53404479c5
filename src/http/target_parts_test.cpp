// SPDX-License-Identifier: Apache-2.0
#include "http/target_parts.hpp"

#include <string_view>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(TargetParts, SplitEveryFormOfTarget) {
  struct Case {
    std::string_view target, path, query;
  };
  for (const Case& each :
       {Case{"/a?b", "/a", "?b"}, Case{"/a", "/a", ""}, Case{"/a?", "/a", "?"},
        Case{"http://h.example/a?b", "/a", "?b"}, Case{"http://h.example?b", "/", "?b"},
        Case{"http://h.example", "/", ""}, Case{"/http://h/a", "/http://h/a", ""},
        Case{"/a?u=http://h/x", "/a", "?u=http://h/x"}, Case{"*", "*", ""},
        Case{"h.example:443", "h.example:443", ""}, Case{"", "", ""}}) {
    EXPECT_EQ(parts_of_target(each.target).path, each.path) << each.target;
    EXPECT_EQ(parts_of_target(each.target).query, each.query) << each.target;
  }
}

}  // namespace
}  // namespace onehop
