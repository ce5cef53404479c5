// SPDX-License-Identifier: Apache-2.0
#include "net/search_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using ::testing::ElementsAre;

TEST(SearchList, ANameWithoutDotsIsTriedInEachDomainFirst) {
  const SearchList list{{"a.test", "b.test."}, 1};
  EXPECT_THAT(list.names_for("web"), ElementsAre("web.a.test.", "web.b.test.", "web."));
}

TEST(SearchList, ANameWithEnoughDotsIsTriedAsIsFirst) {
  const SearchList list{{"a.test"}, 2};
  EXPECT_THAT(list.names_for("x.y.z"), ElementsAre("x.y.z.", "x.y.z.a.test."));
  EXPECT_THAT(list.names_for("x.y"), ElementsAre("x.y.a.test.", "x.y."));
}

TEST(SearchList, ACompleteNameIsNotSearched) {
  EXPECT_THAT((SearchList{{"a.test"}, 1}.names_for("web.")), ElementsAre("web."));
}

TEST(SearchList, TheRootDomainIsTheNameItself) {
  EXPECT_THAT((SearchList{{"."}, 1}.names_for("web")), ElementsAre("web.", "web."));
}

}  // namespace
}  // namespace onehop::net
