// SPDX-License-Identifier: Apache-2.0

#include "base/arena.hpp"

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(Arena, CopiesStayWhereTheyAre) {
  const ArenaRef arena = Arena::create();
  std::vector<std::string_view> copies;
  std::vector<std::string> originals;
  for (std::size_t i = 0; i < 300; ++i) {
    originals.emplace_back(i * 7 % 500, static_cast<char>('a' + i % 26));
    copies.push_back(arena->copy(originals.back()));
  }
  for (std::size_t i = 0; i < copies.size(); ++i)
    EXPECT_EQ(copies[i], originals[i]) << i;
}

TEST(Arena, AllocationsAreAlignedAndDoNotOverlap) {
  const ArenaRef arena = Arena::create();
  for (const std::size_t size : {1U, 15U, 16U, 17U, 4000U, 4080U, 4096U, 100000U, 3U}) {
    void* memory = arena->allocate(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 16, 0U) << size;
    std::memset(memory, 0xab, size);
  }
}

TEST(Arena, ALargeAllocationDoesNotWasteTheCurrentBlock) {
  const ArenaRef arena = Arena::create();
  const auto* before = static_cast<const char*>(arena->allocate(16));
  arena->allocate(Arena::kBlockSize * 4);
  EXPECT_EQ(static_cast<const char*>(arena->allocate(16)), before + 16);
}

TEST(Arena, DestroysObjectsInReverseOrderWithTheLastReference) {
  struct Witness {
    Witness(std::vector<int>& l, int n) : log(l), number(n) {}
    Witness(const Witness&) = delete;
    Witness& operator=(const Witness&) = delete;
    ~Witness() { log.push_back(number); }
    std::vector<int>& log;
    int number;
  };
  std::vector<int> log;
  ArenaRef arena = Arena::create();
  arena->make<Witness>(log, 1);
  arena->make<Witness>(log, 2);
  ArenaRef other = arena;
  arena = ArenaRef();
  EXPECT_TRUE(log.empty());
  other = ArenaRef();
  EXPECT_EQ(log, (std::vector<int>{2, 1}));
}

// A thread's free lists are destroyed with the thread; an arena made there may live longer.
TEST(Arena, OutlivesTheThreadThatMadeIt) {
  ArenaRef arena;
  std::string_view text;
  std::thread maker([&] {
    for (int i = 0; i < 10; ++i)
      Arena::create();
    arena = Arena::create();
    text = arena->copy("still here");
  });
  maker.join();
  EXPECT_EQ(text, "still here");
}

}  // namespace
}  // namespace onehop
