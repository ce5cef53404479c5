// SPDX-License-Identifier: Apache-2.0
#include "net/io_result.hpp"

#include <cerrno>
#include <cstddef>
#include <limits>

#include <gtest/gtest.h>

namespace onehop::net {
namespace {

int kinds(IoResult result) {
  return int{result.has_bytes()} + int{result.is_end()} + int{result.is_wait()} +
         int{result.has_failed()};
}

TEST(IoResult, HoldsExactlyOneKindOfResult) {
  EXPECT_TRUE(IoResult(7).has_bytes());
  EXPECT_TRUE(IoResult(0).is_end());
  EXPECT_TRUE(IoResult::must_wait().is_wait());
  EXPECT_TRUE(IoResult::failed(EAGAIN).is_wait());
  EXPECT_TRUE(IoResult::failed(EPIPE).has_failed());
  for (const IoResult one :
       {IoResult(7), IoResult(0), IoResult::must_wait(), IoResult::failed(EPIPE)})
    EXPECT_EQ(kinds(one), 1);
}

TEST(IoResult, HasBytesOrAnErrno) {
  constexpr std::size_t kMany = std::numeric_limits<int>::max();
  EXPECT_EQ(IoResult(kMany).count(), kMany);
  EXPECT_EQ(IoResult(kMany).error(), 0);
  EXPECT_EQ(IoResult::failed(EPIPE).count(), 0u);
  EXPECT_EQ(IoResult::failed(EPIPE).error(), EPIPE);
  EXPECT_EQ(IoResult::must_wait().error(), EAGAIN);
}

}  // namespace
}  // namespace onehop::net
