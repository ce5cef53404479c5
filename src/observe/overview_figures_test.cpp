// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_figures.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::observe {
namespace {

using namespace std::chrono_literals;

TEST(OverviewFigures, CountsHaveSeparators) {
  EXPECT_EQ(count_figure(0), "0");
  EXPECT_EQ(count_figure(999), "999");
  EXPECT_EQ(count_figure(1000), "1,000");
  EXPECT_EQ(count_figure(1234567), "1,234,567");
}

TEST(OverviewFigures, SizesHaveTwoDigitsOrMore) {
  struct Case {
    std::uint64_t size;
    std::string_view figure;
  };
  const std::vector<Case> cases = {{0, "0 B"},
                                   {999, "999 B"},
                                   {1000, "1.0 KiB"},
                                   {10'137, "9.9 KiB"},
                                   {10'240, "10 KiB"},
                                   {1'023'000, "999 KiB"},
                                   {1 << 20, "1.0 MiB"},
                                   {1'483'001'000, "1.4 GiB"},
                                   {~std::uint64_t{0}, "16,384 PiB"}};
  for (const auto& [size, figure] : cases)
    EXPECT_EQ(size_figure(size), figure) << size;
}

TEST(OverviewFigures, DurationsHaveAFittingUnit) {
  struct Case {
    std::chrono::nanoseconds time;
    std::string_view figure;
  };
  const std::vector<Case> cases = {
      {-1ms, "0.00 ms"},   {210us, "0.21 ms"},   {949us, "0.95 ms"}, {960us, "1.0 ms"},
      {9900us, "9.9 ms"},  {10ms, "10 ms"},      {999ms, "999 ms"},  {1s, "1.0 s"},
      {9900ms, "9.9 s"},   {59'900ms, "59 s"},   {60s, "1 m 00 s"},  {184s, "3 m 04 s"},
      {7440s, "2 h 04 m"}, {90000s, "1 d 01 h"}, {125us, "0.13 ms"}, {1250us, "1.3 ms"}};
  for (const auto& [time, figure] : cases)
    EXPECT_EQ(duration_figure(time), figure) << time.count();
  EXPECT_EQ(duration_figure(std::nullopt), "\xe2\x80\x93");
}

TEST(OverviewFigures, WholeSecondsStartAtOne) {
  EXPECT_EQ(whole_seconds_figure(0s), "1 s");
  EXPECT_EQ(whole_seconds_figure(2900ms), "2 s");
  EXPECT_EQ(whole_seconds_figure(70s), "1 m 10 s");
}

TEST(OverviewFigures, TimesAreInUtc) {
  const Overview::Time time{1'795'858'413s};
  EXPECT_EQ(clock_figure(time), "09:33:33");
  EXPECT_EQ(date_figure(time), "2026-11-28");
}

TEST(OverviewFigures, EscapesInvisibleCharacters) {
  struct Case {
    std::string_view text;
    std::string_view shown;
  };
  const std::vector<Case> cases = {
      {"/<script>", "/<script>"},
      {"a\nb\x1b[31m", "a\\u000ab\\u001b[31m"},
      {"\xe2\x80\xae"
       "gpj.exe",
       "\\u202egpj.exe"},
      {"\xc2\x85\xef\xbb\xbf", "\\u0085\\ufeff"},
      {"\xd8\x9c", "\\u061c"},
      {"\xff/\xc3\xa4\xf0\x9f\x90\x87", "\xef\xbf\xbd/\xc3\xa4\xf0\x9f\x90\x87"}};
  for (const auto& [text, shown] : cases)
    EXPECT_EQ(visible_text(text), shown);
}

}  // namespace
}  // namespace onehop::observe
