// SPDX-License-Identifier: Apache-2.0
#include "base/owning_list.hpp"

#include <memory>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

struct Node : ListNode {
  Node(int n, std::vector<int>& d) : number(n), dead(d) {}
  ~Node() { dead.push_back(number); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  int number;
  std::vector<int>& dead;
};

TEST(OwningList, DestroysWhatItOwnsInOrder) {
  std::vector<int> dead;
  {
    OwningList<Node> list;
    for (int i = 1; i <= 3; ++i)
      list.add(std::make_unique<Node>(i, dead));
    EXPECT_TRUE(dead.empty());
  }
  EXPECT_EQ(dead, std::vector({1, 2, 3}));
}

TEST(OwningList, ReleasesOwnershipOfATakenNode) {
  std::vector<int> dead;
  OwningList<Node> list;
  Node& node = list.add(std::make_unique<Node>(1, dead));
  const std::unique_ptr<Node> taken = list.take(node);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(taken.get(), &node);
  EXPECT_FALSE(taken->is_linked());
  EXPECT_TRUE(dead.empty());
}

TEST(OwningList, AllowsAddingAndTakingNodesDuringAVisit) {
  std::vector<int> dead;
  std::vector<int> visited;
  OwningList<Node> list;
  Node& first = list.add(std::make_unique<Node>(1, dead));
  list.add(std::make_unique<Node>(2, dead));
  Node& third = list.add(std::make_unique<Node>(3, dead));
  list.for_each([&](Node& node) {
    visited.push_back(node.number);
    if (&node != &first) return;
    list.take(third);
    list.take(first);
    list.add(std::make_unique<Node>(4, dead));
  });
  EXPECT_EQ(visited, std::vector({1, 2}));
  EXPECT_EQ(dead, std::vector({3, 1}));
  EXPECT_EQ(list.front().number, 4) << "in the order in which they were added or visited";
}

TEST(OwningList, KeepsItsNodesWhenAVisitThrows) {
  std::vector<int> dead;
  OwningList<Node> list;
  for (int i = 1; i <= 3; ++i)
    list.add(std::make_unique<Node>(i, dead));
  const auto visit = [&] {
    list.for_each([](Node& node) {
      if (node.number == 2) throw std::runtime_error("no more");
    });
  };
  EXPECT_THROW(visit(), std::runtime_error);
  std::vector<int> left;
  list.for_each([&](Node& node) { left.push_back(node.number); });
  EXPECT_EQ(left.size(), 3U);
  EXPECT_TRUE(dead.empty());
}

}  // namespace
}  // namespace onehop
