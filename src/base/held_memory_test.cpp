// SPDX-License-Identifier: Apache-2.0
#include "base/held_memory.hpp"

#include <onehop/task.hpp>

#include "base/arena.hpp"
#include "base/memory_callback.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

constexpr auto kStep = static_cast<std::size_t>(kHeldMemoryStep);

// Returns by how many bytes the held memory grows during `work`.
template <class Work>
std::ptrdiff_t growth(Work work) {
  report_held_memory();
  const auto before = static_cast<std::ptrdiff_t>(held_memory());
  work();
  report_held_memory();
  return static_cast<std::ptrdiff_t>(held_memory()) - before;
}

TEST(HeldMemory, SmallChangesStayThreadLocal) {
  report_held_memory();
  const std::size_t before = held_memory();
  for (int i = 0; i < 1000; ++i) {
    count_held(kStep - 1);
    count_released(kStep - 1);
  }
  EXPECT_EQ(held_memory(), before);
  count_held(kStep);
  EXPECT_EQ(held_memory(), before + kStep);
  count_released(kStep);
  EXPECT_EQ(held_memory(), before);
}

TEST(HeldMemory, SumsAllThreads) {
  report_held_memory();
  const std::size_t before = held_memory();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 1000; ++round)
        count_held(1024);
      report_held_memory();
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(held_memory(), before + std::size_t{4} * 1000 * 1024);
  count_released(std::size_t{4} * 1000 * 1024);  // freed by a thread that did not allocate it
  EXPECT_EQ(held_memory(), before);
}

TEST(HeldMemory, EachThreadHasACeiling) {
  EXPECT_FALSE(memory_is_short());
  set_memory_ceiling(held_memory() + kStep);
  EXPECT_FALSE(memory_is_short());
  count_held(2 * kStep);
  EXPECT_TRUE(memory_is_short());
  bool elsewhere = true;
  std::thread([&elsewhere] { elsewhere = memory_is_short(); }).join();
  EXPECT_FALSE(elsewhere);
  count_released(2 * kStep);
  EXPECT_FALSE(memory_is_short());
  set_memory_ceiling(kNoMemoryCeiling);
}

TEST(HeldMemory, ReachingTheCeilingCallsTheCallback) {
  int told = 0;
  set_memory_ceiling(held_memory() + 2 * kStep);
  set_memory_callback([](void* count) noexcept { ++*static_cast<int*>(count); }, &told);
  count_held(kStep);
  EXPECT_EQ(told, 0);
  count_held(kStep);
  EXPECT_EQ(told, 1);
  count_released(2 * kStep);
  EXPECT_EQ(told, 1);
  set_memory_callback(nullptr, nullptr);
  count_held(2 * kStep);
  EXPECT_EQ(told, 1);
  set_memory_ceiling(kNoMemoryCeiling);
  count_released(2 * kStep);
}

TEST(HeldMemory, CountsBlocksTooLargeForAFreeList) {
  void* frame = nullptr;
  EXPECT_EQ(growth([&] { frame = detail::allocate_frame(100'000); }), 100'000);
  EXPECT_EQ(growth([&] { detail::deallocate_frame(frame, 100'000); }), -100'000);
  {
    const ArenaRef arena = Arena::create();
    EXPECT_GE(growth([&] { arena->allocate(100'000); }), 100'000);
  }
  HeldString text;
  EXPECT_GE(growth([&] { text.assign(100'000, 'x'); }), 100'000);
  EXPECT_LE(growth([&] { HeldString().swap(text); }), -100'000);
}

TEST(HeldMemory, AThreadThatEndsLeavesNothingCounted) {
  const std::ptrdiff_t left = growth([] {
    std::thread([] {
      std::vector<void*> frames;
      for (int i = 0; i < 200; ++i)
        frames.push_back(detail::allocate_frame(1000));
      for (void* frame : frames)
        detail::deallocate_frame(frame, 1000);
      const ArenaRef arena = Arena::create();
      arena->allocate(50'000);
    }).join();
  });
  EXPECT_EQ(left, 0);
}

}  // namespace
}  // namespace onehop
