// SPDX-License-Identifier: Apache-2.0
#include "net/locked_memory.hpp"

#include "base/memory_checker.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using ::testing::HasSubstr;

// Returns the kernel's flags of the memory at an address: "rd wr mr mw me lo dd".
std::string flags_at(const void* memory) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  std::ifstream maps("/proc/self/smaps");
  bool is_inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    if (std::istringstream(line) >> std::hex >> begin >> dash >> end && dash == '-') {
      is_inside = begin <= address && address < end;
    } else if (is_inside && line.starts_with("VmFlags:")) {
      return line + " ";
    }
  }
  return {};
}

TEST(LockedMemory, IsExcludedFromSwapAndCoreDumps) {
  const std::vector<char, LockedAllocator<char>> keys(80, 'k');
  if (!kMemoryChecker) {  // mlock() does nothing under a memory checker
    EXPECT_THAT(flags_at(keys.data()), HasSubstr(" lo "));
  }
  EXPECT_THAT(flags_at(keys.data()), HasSubstr(" dd "));
}

TEST(LockedMemory, OtherMemoryIsNotExcludedFromCoreDumps) {
  const std::vector<char> text(80, 't');
  EXPECT_THAT(flags_at(text.data()), ::testing::Not(HasSubstr(" dd ")));
}

TEST(LockedMemory, CleanseOverwritesAString) {
  std::string key(100, 'k');
  cleanse(key);
  EXPECT_EQ(std::ranges::count(key, 'k'), 0);
}

}  // namespace
}  // namespace onehop::net
