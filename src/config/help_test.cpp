// SPDX-License-Identifier: Apache-2.0
#include "config/help.hpp"

#include "config/field_template.hpp"
#include "config/settings.hpp"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::config {
namespace {

using ::testing::HasSubstr;

TEST(Help, FitsAHundredColumns) {
  std::istringstream lines(help_text());
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 100U) << line;
}

// Even if the flag and its value are long.
TEST(Help, ExplainsEveryFlagInOneColumn) {
  constexpr std::size_t kColumn = 40;
  std::istringstream lines(help_text());
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  -") && !line.starts_with("      --")) continue;
    const bool has_room = line.size() > kColumn && line[kColumn - 1] == ' ' && line[kColumn] != ' ';
    if (has_room) continue;
    std::string explanation;
    std::getline(lines, explanation);
    EXPECT_EQ(explanation.find_first_not_of(' '), kColumn) << line;
  }
}

TEST(Help, NamesEverySetting) {
  const std::string help = help_text();
  for (const Setting& setting : settings())
    EXPECT_THAT(help, HasSubstr(flag_of(setting) + " "));
}

TEST(Help, NamesEveryPlaceholder) {
  const std::string help = help_text();
  for (const std::string_view name : placeholder_names())
    EXPECT_THAT(help, HasSubstr(" {" + std::string(name) + "}"));
}

TEST(Help, BeginsWithTheEverydayFlags) {
  const std::string help = help_text();
  EXPECT_LT(help.find("-l, --listen ADDR"), help.find("--header-timeout"));
  EXPECT_LT(help.find("--header-timeout"), help.find("--connect-timeout"));
  EXPECT_THAT(help, HasSubstr("[64KiB]"));
}

}  // namespace
}  // namespace onehop::config
