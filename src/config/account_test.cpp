// SPDX-License-Identifier: Apache-2.0
#include "config/account.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Every Linux system has these users and groups.
TEST(Account, IsFoundByName) {
  const auto account = find_account("nobody");
  ASSERT_TRUE(account) << account.error();
  EXPECT_EQ(account->user, 65534u);
  EXPECT_EQ(account->group, 65534u);
  EXPECT_THAT(account->groups, Contains(65534u));
}

TEST(Account, HasOnlyTheNamedGroup) {
  const auto account = find_account("nobody:daemon");
  ASSERT_TRUE(account) << account.error();
  EXPECT_EQ(account->group, 1u);
  EXPECT_THAT(account->groups, ElementsAre(1u));
}

TEST(Account, AcceptsUnknownNumericIds) {
  const auto account = find_account("54321:54322");
  ASSERT_TRUE(account) << account.error();
  EXPECT_EQ(account->user, 54321u);
  EXPECT_EQ(account->group, 54322u);
}

TEST(Account, IsRejectedWithAReason) {
  EXPECT_THAT(find_account("nobody-of-that-name").error(),
              HasSubstr("unknown user 'nobody-of-that-name'"));
  EXPECT_THAT(find_account("nobody:no-such-group").error(),
              HasSubstr("unknown group 'no-such-group'"));
  EXPECT_THAT(find_account("54321").error(), HasSubstr("54321:GROUP"));
  EXPECT_THAT(find_account("root").error(), HasSubstr("is root"));
  EXPECT_THAT(find_account("").error(), HasSubstr("unknown user"));
  EXPECT_THAT(find_account("nobody:").error(), HasSubstr("unknown group"));
}

// Regression: setresuid(2) and setresgid(2) take this number as "leave it unchanged", so the
// process stayed root.
TEST(Account, RejectsTheIdThatMeansUnchanged) {
  EXPECT_THAT(find_account("4294967295:1000").error(), HasSubstr("unknown user '4294967295'"));
  EXPECT_THAT(find_account("nobody:4294967295").error(), HasSubstr("unknown group '4294967295'"));
  EXPECT_TRUE(find_account("4294967294:4294967294"));
}

}  // namespace
}  // namespace onehop::config
