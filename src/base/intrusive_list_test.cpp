// SPDX-License-Identifier: Apache-2.0
#include "base/intrusive_list.hpp"

#include <initializer_list>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Item : ListNode {
  explicit Item(int n) : number(n) {}
  int number;
};

std::vector<int> drain(IntrusiveList<Item>& list) {
  std::vector<int> numbers;
  while (Item* item = list.pop_front())
    numbers.push_back(item->number);
  return numbers;
}

TEST(IntrusiveList, KeepsTheOrderOfInsertionAtBothEnds) {
  Item one(1);
  Item two(2);
  Item three(3);
  IntrusiveList<Item> list;
  EXPECT_TRUE(list.empty());
  list.push_back(two);
  list.push_back(three);
  list.push_front(one);
  EXPECT_FALSE(list.empty());
  EXPECT_EQ(list.front().number, 1);
  EXPECT_EQ(list.back().number, 3);
  EXPECT_THAT(drain(list), ElementsAre(1, 2, 3));
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(IntrusiveList, ADestroyedNodeLeavesTheList) {
  Item one(1);
  auto two = std::make_unique<Item>(2);
  Item three(3);
  IntrusiveList<Item> list;
  list.push_back(one);
  list.push_back(*two);
  list.push_back(three);
  two.reset();
  EXPECT_THAT(drain(list), ElementsAre(1, 3));
}

TEST(IntrusiveList, ADestroyedListUnlinksItsNodes) {
  Item one(1);
  Item two(2);
  {
    IntrusiveList<Item> list;
    list.push_back(one);
    list.push_back(two);
    EXPECT_TRUE(one.is_linked());
  }
  EXPECT_FALSE(one.is_linked());
  EXPECT_FALSE(two.is_linked());
}

TEST(IntrusiveList, PushingALinkedNodeMovesIt) {
  Item one(1);
  Item two(2);
  IntrusiveList<Item> first;
  IntrusiveList<Item> second;
  first.push_back(one);
  first.push_back(two);
  first.push_back(one);
  EXPECT_EQ(first.front().number, 2);
  second.push_back(two);
  EXPECT_THAT(drain(first), ElementsAre(1));
  EXPECT_THAT(drain(second), ElementsAre(2));
}

TEST(IntrusiveList, UnlinkingTwiceIsHarmless) {
  Item one(1);
  Item two(2);
  IntrusiveList<Item> list;
  list.push_back(one);
  list.push_back(two);
  one.unlink();
  one.unlink();
  EXPECT_FALSE(one.is_linked());
  EXPECT_THAT(drain(list), ElementsAre(2));
}

TEST(IntrusiveList, SplicingAppendsEverythingAndEmptiesTheSource) {
  Item one(1);
  Item two(2);
  Item three(3);
  IntrusiveList<Item> list;
  IntrusiveList<Item> more;
  list.push_back(one);
  list.splice_back(more);
  more.push_back(two);
  more.push_back(three);
  list.splice_back(more);
  EXPECT_TRUE(more.empty());
  EXPECT_EQ(list.back().number, 3);
  two.unlink();  // checks the links between old and new nodes
  EXPECT_THAT(drain(list), ElementsAre(1, 3));
  EXPECT_THAT(drain(more), IsEmpty());
}

}  // namespace
}  // namespace onehop
