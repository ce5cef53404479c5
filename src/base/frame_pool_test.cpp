// SPDX-License-Identifier: Apache-2.0
#include <onehop/task.hpp>

#include "base/memory_checker.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::detail {
namespace {

// Owns frames of one test.
class Frames {
 public:
  Frames() = default;
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;
  ~Frames() {
    for (const auto& [frame, size] : frames_)
      deallocate_frame(frame, size);
  }
  void* add(std::size_t size) {
    void* frame = allocate_frame(size);
    std::memset(frame, 0x5a, size);  // all of it is ours
    frames_.emplace_back(frame, size);
    return frame;
  }

 private:
  std::vector<std::pair<void*, std::size_t>> frames_;
};

TEST(FramePool, frames_of_every_size_are_aligned_and_distinct) {
  Frames frames;
  std::set<void*> seen;
  for (std::size_t size = 1; size <= 6000; size += 37) {
    void* frame = frames.add(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % alignof(std::max_align_t), 0u) << size;
    EXPECT_TRUE(seen.insert(frame).second) << size;
  }
}

TEST(FramePool, a_freed_frame_serves_the_next_one_of_its_size) {
  if (kMemoryChecker) GTEST_SKIP() << "free lists step aside under a sanitizer";
  void* frame = allocate_frame(200);
  deallocate_frame(frame, 200);
  void* same_class = allocate_frame(193);
  EXPECT_EQ(same_class, frame);
  void* other_class = allocate_frame(192);
  EXPECT_NE(other_class, frame);
  deallocate_frame(same_class, 193);
  deallocate_frame(other_class, 192);
}

TEST(FramePool, keeps_more_frames_than_it_holds_without_loss) {
  for (int round = 0; round < 3; ++round) {
    Frames frames;
    std::set<void*> seen;
    for (int i = 0; i < 1000; ++i)
      EXPECT_TRUE(seen.insert(frames.add(128)).second);
  }
}

TEST(FramePool, a_frame_may_be_freed_on_another_thread) {
  std::vector<void*> frames(100);
  for (void*& frame : frames)
    frame = allocate_frame(300);
  std::thread([&] {
    for (void* frame : frames)
      deallocate_frame(frame, 300);
    Frames reused;
    for (int i = 0; i < 200; ++i)
      reused.add(300);
  }).join();
  Frames again;
  for (int i = 0; i < 100; ++i)
    again.add(300);
}

}  // namespace
}  // namespace onehop::detail
