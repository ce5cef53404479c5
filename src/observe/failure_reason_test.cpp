// SPDX-License-Identifier: Apache-2.0
#include "observe/failure_reason.hpp"

#include <cerrno>
#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

std::string_view reason_of(const Error& error) {
  return name_of_failure_reason(failure_reason(error));
}

TEST(FailureReason, IsASingleWord) {
  EXPECT_EQ(reason_of(Error(Errc::cancelled, Side::local)), "cancelled");
  EXPECT_EQ(reason_of(Error(Errc::body_too_large, Side::client)), "body_too_large");
  EXPECT_EQ(reason_of(Error(Errc::overloaded, Side::local)), "overloaded");
  EXPECT_EQ(reason_of(Error::system(ECONNREFUSED, Side::upstream)), "connection_refused");
  EXPECT_EQ(reason_of(Error::system(ENOENT, Side::upstream)), "no_such_file");
  EXPECT_EQ(reason_of(Error::system(EXDEV, Side::upstream)), "other");
  EXPECT_EQ(reason_of(Error(std::make_error_code(std::errc::io_error), Side::local)), "other");
}

TEST(FailureReason, IsTheSameForEveryKindOfTimeout) {
  EXPECT_EQ(reason_of(Error(Errc::timed_out, Side::upstream)), "timed_out");
  EXPECT_EQ(reason_of(Error::system(ETIMEDOUT, Side::upstream)), "timed_out");
}

TEST(FailureReason, HasAUniqueNameForEachIndex) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kFailureReasons; ++i)
    names.insert(name_of_failure_reason(i));
  EXPECT_EQ(names.size(), kFailureReasons);
}

// Each enumerator of Errc has a word. A new enumerator needs a row.
TEST(FailureReason, CoversEveryErrc) {
  for (int code = 1; code <= static_cast<int>(Errc::overloaded); ++code) {
    const Error error(static_cast<Errc>(code), Side::local);
    EXPECT_NE(reason_of(error), "other") << error.to_string();
  }
}

}  // namespace
}  // namespace onehop::observe
