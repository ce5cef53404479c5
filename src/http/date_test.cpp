// SPDX-License-Identifier: Apache-2.0

#include "http/date.hpp"

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(ImfDate, Table) {
  EXPECT_EQ(ImfDate(784111777).text(), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(ImfDate(0).text(), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(ImfDate(951782399).text(), "Mon, 28 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(ImfDate(951782400).text(), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(ImfDate(4102444799).text(), "Thu, 31 Dec 2099 23:59:59 GMT");
}

}  // namespace
}  // namespace onehop
