// SPDX-License-Identifier: Apache-2.0

#include <onehop/error.hpp>

#include "support/failing_allocation.hpp"

#include <cerrno>
#include <set>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(Error, EveryCodeHasItsOwnText) {
  std::set<std::string> texts;
  const int last = static_cast<int>(Errc::handler_failed);
  for (int i = 1; i <= last; ++i)
    texts.insert(make_error_code(static_cast<Errc>(i)).message());
  EXPECT_EQ(texts.size(), static_cast<std::size_t>(last));
  EXPECT_FALSE(texts.contains("unknown error"));
}

// Destructors make errors, so making an error must not throw.
TEST(Error, DropsTheDetailWhenOutOfMemory) {
  if (!FailingAllocation::is_possible()) GTEST_SKIP() << "the sanitizer allocates";
  const FailingAllocation next(0);
  const Error error(Errc::closed, Side::upstream, "a text that needs memory of its own");
  EXPECT_TRUE(next.is_over());
  EXPECT_TRUE(error.is(Errc::closed));
  EXPECT_EQ(error.detail(), "");
}

TEST(Error, FormatsAsOneLine) {
  Error error = Error::system(ECONNREFUSED, Side::upstream);
  error.during(Phase::connect).with("while connecting to 127.0.0.1:8000");
  EXPECT_EQ(error.to_string(), "connect: Connection refused (while connecting to 127.0.0.1:8000)");
  error.with("second attempt");
  EXPECT_EQ(error.detail(), "while connecting to 127.0.0.1:8000; second attempt");
  EXPECT_EQ(Error(Errc::bad_url, Side::local).to_string(), "invalid URL");
}

TEST(Error, RecognizesOwnAndSystemTimeouts) {
  EXPECT_TRUE(Error(Errc::timed_out, Side::upstream).is_timeout());
  EXPECT_TRUE(Error::system(ETIMEDOUT, Side::upstream).is_timeout());
  EXPECT_FALSE(Error::system(ECONNRESET, Side::upstream).is_timeout());
  // The same number in another category is a different code.
  const std::error_code other(ETIMEDOUT, error_category());
  EXPECT_FALSE(Error(other, Side::local).is_timeout());
}

TEST(Error, IsNotRetrySafeByDefault) {
  Error error(Errc::closed, Side::upstream);
  EXPECT_FALSE(error.retry_safe());
  EXPECT_TRUE(error.retry_safe(true).retry_safe());
}

}  // namespace
}  // namespace onehop
