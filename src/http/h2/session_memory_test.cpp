// SPDX-License-Identifier: Apache-2.0

#include "http/h2/session_memory.hpp"

#include "base/memory_checker.hpp"

#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::h2 {
namespace {

TEST(SessionMemory, BlocksOfEverySizeAreAlignedDistinctAndWhole) {
  std::vector<void*> blocks;
  std::set<void*> seen;
  for (std::size_t size = 0; size <= 3000; size += 19) {
    void* block = allocate_block(size);
    ASSERT_NE(block, nullptr);
    std::memset(block, 0x5a, size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t), 0u) << size;
    EXPECT_TRUE(seen.insert(block).second) << size;
    blocks.push_back(block);
  }
  for (void* block : blocks)
    free_block(block);
}

TEST(SessionMemory, AFreedBlockServesTheNextOneOfItsSize) {
  if (kMemoryChecker) GTEST_SKIP() << "free lists step aside under a sanitizer";
  void* block = allocate_block(224);
  free_block(block);
  void* same = allocate_block(220);
  void* other = allocate_block(220);
  EXPECT_EQ(same, block);
  EXPECT_NE(other, block);
  free_block(same);
  free_block(other);
}

TEST(SessionMemory, FreeingNullDoesNothing) {
  free_block(nullptr);
}

TEST(SessionMemory, ZeroesMemoryThatWasUsedBefore) {
  void* used = allocate_block(320);
  std::memset(used, 0x5a, 320);
  free_block(used);
  auto* zeroed = static_cast<char*>(allocate_zeroed(10, 32));
  EXPECT_EQ(std::string_view(zeroed, 320), std::string_view(std::string(320, '\0')));
  free_block(zeroed);
}

TEST(SessionMemory, AResizedBlockKeepsItsContent) {
  auto* block = static_cast<char*>(resize_block(nullptr, 10));
  std::memcpy(block, "0123456789", 10);
  for (const std::size_t size : {40u, 100u, 1000u, 1300u, 70'000u, 20u}) {
    block = static_cast<char*>(resize_block(block, size));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(std::string_view(block, 10), "0123456789") << size;
    std::memset(block + 10, 0x5a, size - 10);
  }
  free_block(block);
}

TEST(SessionMemory, RejectsSizesThatOverflow) {
  constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(allocate_block(kMax), nullptr);
  EXPECT_EQ(allocate_zeroed(kMax / 2, 3), nullptr);
}

TEST(SessionMemory, ABlockMayBeFreedOnAnotherThread) {
  void* block = allocate_block(152);
  std::thread([block] {
    free_block(block);
    void* next = allocate_block(152);
    EXPECT_NE(next, nullptr);
    free_block(next);
  }).join();
}

}  // namespace
}  // namespace onehop::h2
