// SPDX-License-Identifier: Apache-2.0
#include "base/memory_release.hpp"

#include "base/held_memory.hpp"
#include "base/memory_checker.hpp"
#include "base/returned_memory.hpp"

#include <cstddef>
#include <fstream>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <unistd.h>

namespace onehop {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::size_t kBlocks = 8192;

std::size_t resident_bytes() {
  std::size_t size = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Blocks that are freed between others that stay. malloc alone returns none of them to the system.
TEST(ReturnedMemory, IsReleasedToTheSystemPastAThreshold) {
  if (kMemoryChecker) GTEST_SKIP() << "needs the C library's malloc";
  release_returned_memory();  // releases the memory that other tests returned
  std::vector<std::unique_ptr<char[]>> freed;
  std::vector<std::unique_ptr<char[]>> kept;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    freed.push_back(std::make_unique<char[]>(kBlock * 2));
    kept.push_back(std::make_unique<char[]>(64));
  }
  freed.clear();
  const std::size_t before = resident_bytes();
  release_returned_memory();  // no returned memory has been counted
  EXPECT_GT(resident_bytes() + (kBlocks * kBlock) / 2, before);
  count_returned_memory(kBlocks * kBlock * 2);
  release_returned_memory();
  EXPECT_LT(resident_bytes() + (kBlocks * kBlock) / 2, before);
}

struct Connection : Lasting {
  char content[600];
};

// Connections that come and go use the same memory repeatedly, so there is nothing to release.
TEST(ReturnedMemory, CountsClosedConnectionsButNotReplacedOnes) {
  t_returned_memory = {};
  for (int i = 0; i < 1000; ++i)
    std::make_unique<Connection>();
  EXPECT_EQ(t_returned_memory.returned, sizeof(Connection));
  {
    std::vector<std::unique_ptr<Connection>> all(1000);
    for (auto& one : all)
      one = std::make_unique<Connection>();
    EXPECT_EQ(t_returned_memory.returned, 0u);
  }
  EXPECT_EQ(t_returned_memory.returned, 1000 * sizeof(Connection));
  t_returned_memory = {};
}

}  // namespace
}  // namespace onehop
