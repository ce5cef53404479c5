// SPDX-License-Identifier: Apache-2.0
#include "base/exception_text.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace onehop {
namespace {

template <class T>
std::string text_of(T thrown) {
  try {
    throw thrown;
  } catch (...) {
    return exception_text();
  }
}

TEST(ExceptionText, ReturnsWhatForAStandardException) {
  EXPECT_EQ(text_of(std::runtime_error("no luck")), "no luck");
}

TEST(ExceptionText, DescribesAnExceptionOfUnknownType) {
  EXPECT_EQ(text_of(42), "an exception of unknown type");
}

}  // namespace
}  // namespace onehop
