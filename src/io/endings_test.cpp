// SPDX-License-Identifier: Apache-2.0
#include "io/endings.hpp"

#include "io/reactor.hpp"

#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::io {
namespace {

class EndingsTest : public ::testing::Test {
 protected:
  static void count(void* context) { ++*static_cast<int*>(context); }
  std::unique_ptr<Endings::Watch> watch(Endings::Number number, int& heard) {
    return std::make_unique<Endings::Watch>(reactor_.endings(), number, Callback{&count, &heard});
  }
  void settle() {
    while (reactor_.run_once(Duration::zero())) {
    }
  }

  Reactor reactor_{Reactor::Clock::manual};
};

TEST_F(EndingsTest, NotifiesEachWatchOfANumberOnce) {
  int first = 0;
  int second = 0;
  int other = 0;
  const auto one = watch(7, first);
  const auto two = watch(7, second);
  const auto three = watch(8, other);
  reactor_.notify_end(7);
  EXPECT_TRUE(one->has_ended());
  EXPECT_EQ(first, 0);  // from the reactor's list
  settle();
  reactor_.notify_end(7);
  settle();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  EXPECT_EQ(other, 0);
  EXPECT_FALSE(three->has_ended());
}

TEST_F(EndingsTest, DoesNotNotifyADestroyedWatch) {
  int gone = 0;
  int stays = 0;
  auto dies = watch(7, gone);
  const auto lives = watch(7, stays);
  dies.reset();
  reactor_.notify_end(7);
  settle();
  EXPECT_EQ(gone, 0);
  EXPECT_EQ(stays, 1);
}

TEST_F(EndingsTest, DoesNotNotifyAWatchDestroyedBeforeItsCallback) {
  int heard = 0;
  auto dies = watch(7, heard);
  reactor_.notify_end(7);
  dies.reset();
  settle();
  EXPECT_EQ(heard, 0);
}

TEST_F(EndingsTest, NumbersAreUnique) {
  std::vector<std::vector<Endings::Number>> given(4);
  std::vector<std::thread> threads;
  threads.reserve(given.size());
  for (auto& numbers : given) {
    threads.emplace_back([&numbers] {
      for (int i = 0; i < 3000; ++i)
        numbers.push_back(Endings::new_number());
    });
  }
  for (auto& thread : threads)
    thread.join();
  std::set<Endings::Number> all;
  for (const auto& numbers : given)
    all.insert(numbers.begin(), numbers.end());
  EXPECT_EQ(all.size(), 4U * 3000U);
  EXPECT_FALSE(all.contains(0));
}

}  // namespace
}  // namespace onehop::io
