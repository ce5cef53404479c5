// SPDX-License-Identifier: Apache-2.0
#include "server/request_id.hpp"

#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

TEST(RequestId, Has32HexadecimalDigits) {
  const RequestId id;
  EXPECT_EQ(id.text().size(), 32u);
  EXPECT_EQ(id.text().find_first_not_of("0123456789abcdef"), std::string_view::npos);
}

TEST(RequestId, IsUniqueAcrossThreads) {
  std::mutex mutex;
  std::set<std::string> seen;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) {
          const RequestId id;
          const std::scoped_lock lock(mutex);
          seen.emplace(id.text());
        }
      });
    }
  }
  EXPECT_EQ(seen.size(), 4000u);
}

// Each of the 128 bits must be set in many of 1000 IDs, but far from all.
TEST(RequestId, HasNoConstantBits) {
  std::vector<int> ones(128);
  for (int i = 0; i < 1000; ++i) {
    const RequestId id;
    for (std::size_t digit = 0; digit < 32; ++digit) {
      const char c = id.text()[digit];
      const unsigned value = static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
      for (unsigned bit = 0; bit < 4; ++bit)
        ones[digit * 4 + bit] += (value >> bit) & 1U ? 1 : 0;
    }
  }
  for (const int count : ones) {
    EXPECT_GT(count, 300);
    EXPECT_LT(count, 700);
  }
}

}  // namespace
}  // namespace onehop::server
