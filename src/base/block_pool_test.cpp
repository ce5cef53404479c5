// SPDX-License-Identifier: Apache-2.0
#include "base/block_pool.hpp"

#include "base/held_memory.hpp"
#include "base/memory_checker.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <malloc.h>

namespace onehop {
namespace {

// Owns the blocks of one test.
class Blocks {
 public:
  Blocks() = default;
  explicit Blocks(std::size_t max) { blocks_.reserve(max); }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;
  ~Blocks() {
    for (const auto& [block, size] : blocks_)
      give_block(block, size);
  }
  void* add(std::size_t size) {
    void* block = take_block(size);
    std::memset(block, 0x5a, size);  // every byte is usable
    blocks_.emplace_back(block, size);
    return block;
  }

 private:
  std::vector<std::pair<void*, std::size_t>> blocks_;
};

TEST(BlockPool, BlocksOfEverySizeAreAlignedAndDistinct) {
  Blocks blocks;
  std::set<void*> seen;
  for (std::size_t size = 1; size <= 6000; size += 37) {
    void* block = blocks.add(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t), 0u) << size;
    EXPECT_TRUE(seen.insert(block).second) << size;
  }
}

TEST(BlockPool, AFreedBlockServesTheNextOneOfItsSize) {
  if (kMemoryChecker) GTEST_SKIP() << "free lists step aside under a sanitizer";
  void* block = take_block(200);
  give_block(block, 200);
  void* same_class = take_block(185);
  EXPECT_EQ(same_class, block);
  void* other_class = take_block(184);
  EXPECT_NE(other_class, block);
  give_block(same_class, 185);
  give_block(other_class, 184);
}

TEST(BlockPool, RoundsSizesAsMallocDoes) {
  for (std::size_t size = 1; size <= kLargestPooledBlock; ++size) {
    EXPECT_GE(pooled_size(size), size);
    EXPECT_LT(pooled_size(size), size + 16);
    EXPECT_EQ(pooled_size(size) % 16, 8u) << size;
  }
}

TEST(BlockPool, ServesMoreBlocksThanItCanCache) {
  for (int round = 0; round < 3; ++round) {
    Blocks blocks;
    std::set<void*> seen;
    for (int i = 0; i < 1000; ++i)
      EXPECT_TRUE(seen.insert(blocks.add(128)).second);
  }
}

TEST(BlockPool, ABlockMayBeFreedOnAnotherThread) {
  std::vector<void*> blocks(100);
  for (void*& block : blocks)
    block = take_block(300);
  std::thread([&] {
    for (void* block : blocks)
      give_block(block, 300);
    Blocks reused;
    for (int i = 0; i < 200; ++i)
      reused.add(300);
  }).join();
  Blocks again;
  for (int i = 0; i < 100; ++i)
    again.add(300);
}

// Bytes allocated from the main thread's heap.
std::size_t heap_bytes() {
  return ::mallinfo2().uordblks;
}

void empty_lists() {
  shrink_block_pool();
  shrink_block_pool();
}

TEST(BlockPool, SteadyWorkAllocatesNothingFromTheHeap) {
  if (kMemoryChecker) GTEST_SKIP() << "free lists step aside under a sanitizer";
  constexpr int kInFlight = 500;
  const auto work = [] {
    Blocks blocks(kInFlight);
    for (int i = 0; i < kInFlight; ++i)
      blocks.add(1000);
  };
  empty_lists();
  work();
  const std::size_t before = heap_bytes();
  for (int round = 0; round < 3; ++round) {
    shrink_block_pool();
    work();
    EXPECT_EQ(heap_bytes(), before) << round;
  }
}

TEST(BlockPool, ReturnsUnusedBlocksToTheHeap) {
  if (kMemoryChecker) GTEST_SKIP() << "free lists step aside under a sanitizer";
  constexpr std::size_t kBlocks = 1000;
  constexpr std::size_t kSize = 3000;
  empty_lists();
  {
    Blocks blocks(kBlocks);
    for (std::size_t i = 0; i < kBlocks; ++i)
      blocks.add(kSize);
  }
  const std::size_t after_burst = heap_bytes();
  EXPECT_TRUE(shrink_block_pool()) << "much is left that may turn out to be unused";
  EXPECT_EQ(heap_bytes(), after_burst) << "all of it was in use a moment ago";
  EXPECT_FALSE(shrink_block_pool());
  EXPECT_LT(heap_bytes() + kBlocks * kSize * 9 / 10, after_burst);
}

TEST(BlockPool, LimitsCachedMemoryWithoutShrinking) {
  if (kMemoryChecker) GTEST_SKIP() << "free lists step aside under a sanitizer";
  constexpr std::size_t kBlocks = 4000;
  empty_lists();
  const std::size_t before = heap_bytes();
  {
    Blocks blocks(kBlocks);
    for (std::size_t i = 0; i < kBlocks; ++i)
      blocks.add(kLargestPooledBlock);
  }
  EXPECT_LT(heap_bytes(), before + std::size_t{5} * 1024 * 1024);
}

// Runs on a new thread, whose lists are empty.
TEST(BlockPool, KeepsFewBlocksWhileMemoryIsShort) {
  if (kMemoryChecker) GTEST_SKIP() << "free lists step aside under a sanitizer";
  constexpr std::size_t kBlocks = 200;
  constexpr std::size_t kMaxKept = 16;
  for (const bool is_short : {false, true}) {
    std::size_t kept = 0;
    std::thread([&] {
      const auto held = [] {
        report_held_memory();
        return held_memory();
      };
      set_memory_ceiling(is_short ? 0 : kNoMemoryCeiling);
      const std::size_t before = held();
      {
        Blocks blocks(kBlocks);
        for (std::size_t i = 0; i < kBlocks; ++i)
          blocks.add(kLargestPooledBlock);
      }
      kept = (held() - before) / kLargestPooledBlock;
    }).join();
    EXPECT_EQ(kept, is_short ? kMaxKept : kBlocks);
  }
}

}  // namespace
}  // namespace onehop
