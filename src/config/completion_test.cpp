// SPDX-License-Identifier: Apache-2.0
//
// The scripts as texts. tests/integration/test_completion.py runs them in their shells.
#include "config/completion.hpp"

#include "config/commands.hpp"
#include "config/settings.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::HasSubstr;

class Completion : public ::testing::TestWithParam<const char*> {};

TEST_P(Completion, HasEverySettingAndCommand) {
  const std::string script = completion(GetParam()).value();
  const bool is_fish = GetParam() == std::string("fish");
  for (const Setting& setting : settings())
    EXPECT_THAT(script, HasSubstr((is_fish ? "-l " : "--") + std::string(setting.name)));
  for (const CommandRow& row : commands())
    EXPECT_THAT(script, HasSubstr(std::string(row.word)));
  for (const CommandFlag& flag : command_flags())
    EXPECT_THAT(script, HasSubstr((is_fish ? "-l " : "--") + std::string(flag.name)));
}

INSTANTIATE_TEST_SUITE_P(Shells, Completion, ::testing::Values("bash", "zsh", "fish"));

TEST(CompletionTest, AnUnknownShellHasNoCompletion) {
  EXPECT_EQ(completion("tcsh"), std::nullopt);
  EXPECT_EQ(completion(""), std::nullopt);
}

TEST(CompletionTest, OffersWordsOfAPlaceholderAndFilesWhereExpected) {
  const std::string script = completion("fish").value();
  EXPECT_THAT(script, HasSubstr("-l access-log -x -a 'text json off'"));
  EXPECT_THAT(script, HasSubstr("-l access-log-to -r -F -a 'stdout syslog'"));
  EXPECT_THAT(script, HasSubstr("-l config -r -F -d"));
  EXPECT_THAT(script, HasSubstr("-l health-path -x -d"));  // a path in a URL, not a file
}

TEST(CompletionTest, EscapesQuotesInHelpTexts) {
  EXPECT_THAT(completion("fish").value(), HasSubstr("\\'Name: value\\' sets a request field"));
  EXPECT_THAT(completion("zsh").value(), HasSubstr("'\\''Name\\: value'\\'' sets a request field"));
}

}  // namespace
}  // namespace onehop::config
