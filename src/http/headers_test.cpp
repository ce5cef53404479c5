// SPDX-License-Identifier: Apache-2.0

#include <onehop/headers.hpp>

#include "http/field_names.hpp"
#include "http/header_lines.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace onehop {
namespace {

std::string text_of(const Headers& headers) {
  std::string text;
  for (const Field field : headers) {
    text.append(field.name).append("=").append(field.value).append(";");
  }
  return text;
}

TEST(Headers, ComparesNamesWithoutCaseAndKeepsTheirCase) {
  const Headers headers = {{"hOsT", "a"}, {"X-Custom", "b"}};
  EXPECT_EQ(headers.get("Host"), "a");
  EXPECT_EQ(headers.get("x-cusTOM"), "b");
  EXPECT_TRUE(headers.has("HOST"));
  EXPECT_FALSE(headers.has("X-Custo"));
  EXPECT_EQ(headers.get("Absent"), std::nullopt);
  EXPECT_EQ(headers.get_or_empty("Absent"), "");
  EXPECT_EQ(text_of(headers), "hOsT=a;X-Custom=b;");
}

TEST(Headers, LinesKeepTheirOrder) {
  Headers headers = {{"A", "1"}, {"Cookie", "x"}, {"a", "2"}, {"Cookie", "y"}};
  EXPECT_EQ(headers.get_all("A"), (std::vector<std::string_view>{"1", "2"}));
  EXPECT_EQ(headers.get_all("cookie"), (std::vector<std::string_view>{"x", "y"}));
  EXPECT_TRUE(headers.get_all("B").empty());
  EXPECT_EQ(headers.size(), 4U);
}

TEST(Headers, SetReplacesTheFirstInPlaceAndRemovesTheOthers) {
  Headers headers = {{"A", "1"}, {"B", "2"}, {"a", "3"}, {"C", "4"}, {"A", "5"}};
  headers.set("A", "new");
  EXPECT_EQ(text_of(headers), "A=new;B=2;C=4;");
  headers.set("D", "5");
  EXPECT_EQ(text_of(headers), "A=new;B=2;C=4;D=5;");
}

TEST(Headers, EraseReturnsTheNumberOfErasedLines) {
  Headers headers = {{"Host", "1"}, {"X", "2"}, {"Host", "3"}};
  EXPECT_EQ(headers.erase("host"), 2U);
  EXPECT_FALSE(headers.has("Host"));
  EXPECT_FALSE(HeaderLines(headers).has(FieldId::host));
  EXPECT_EQ(headers.erase("host"), 0U);
  EXPECT_EQ(text_of(headers), "X=2;");
  headers.clear();
  EXPECT_TRUE(headers.empty());
  EXPECT_FALSE(headers.has("X"));
}

// The lines after the exception must not be there twice.
TEST(Headers, APredicateThatThrowsKeepsTheRemainingLines) {
  Headers headers({{"Host", "a"}, {"B", "1"}, {"C", "2"}, {"D", "3"}, {"E", "4"}});
  EXPECT_THROW(headers.erase_if([](const Field& field) {
    if (field.name == "D") throw std::runtime_error("no more");
    return field.name == "Host" || field.name == "C";
  }),
               std::runtime_error);
  std::string names;
  for (const Field& field : headers)
    names += field.name;
  EXPECT_EQ(names, "BDE");
  EXPECT_FALSE(headers.has("Host"));
  headers.add("F", "5");
  EXPECT_EQ(headers.get("F"), "5");
}

TEST(Headers, HasTokenSearchesTheListsOfAllLines) {
  const Headers headers = {
      {"Connection", ""}, {"connection", ", X-A , Keep-Alive,"}, {"X-List", "one,two"}};
  EXPECT_TRUE(headers.has_token("Connection", "x-a"));
  EXPECT_TRUE(headers.has_token("Connection", "keep-alive"));
  EXPECT_FALSE(headers.has_token("Connection", "keep"));
  EXPECT_FALSE(headers.has_token("Connection", ""));
  EXPECT_TRUE(headers.has_token("x-list", "TWO"));
  EXPECT_FALSE(headers.has_token("Upgrade", "x"));
}

TEST(Headers, TrimsValuesAndAcceptsLegalBytes) {
  Headers headers;
  headers.set("A", " \t v w \t");
  EXPECT_EQ(headers.get("A"), "v w");
  headers.set("A", "");
  EXPECT_EQ(headers.get("A"), "");
  headers.set("A", "a\tb \xff");
  EXPECT_EQ(headers.get("A"), "a\tb \xff");
}

TEST(Headers, RejectsTextThatWouldSplitAMessage) {
  Headers headers;
  const std::string too_long(70'000, 'a');
  for (const std::string_view name :
       {"", "a b", "a:", "a\r\n", "\xc3\xa4", "a\nb", too_long.c_str()}) {
    EXPECT_THROW(headers.set(name, "v"), std::invalid_argument) << name;
    EXPECT_FALSE(headers.try_add(name, "v").has_value()) << name;
  }
  EXPECT_THROW(headers.set(std::string_view("a\0b", 3), "v"), std::invalid_argument);
  for (const char c : {'\r', '\n', '\0', '\x01', '\x1f', '\x7f'}) {
    const std::string value = std::string("secret") + c + "x";
    EXPECT_THROW(headers.add("A", value), std::invalid_argument);
    const Result<void> result = headers.try_set("A", value);
    ASSERT_FALSE(result.has_value());
    EXPECT_TRUE(result.error().is(Errc::bad_field));
    EXPECT_EQ(result.error().to_string().find("secret"), std::string::npos);
  }
  EXPECT_TRUE(headers.empty());
}

TEST(Headers, ViewsSurviveLaterChanges) {
  Headers headers = {{"A", "first"}};
  const std::string_view first = *headers.get("A");
  for (int i = 0; i < 1000; ++i)
    headers.add("X-" + std::to_string(i), std::string(50, 'x'));
  headers.set("A", "second");
  headers.erase("X-5");
  EXPECT_EQ(first, "first");
  EXPECT_EQ(headers.get("A"), "second");
  EXPECT_EQ(headers.get("x-999"), std::string(50, 'x'));
  EXPECT_EQ(headers.size(), 1000U);
}

TEST(Headers, CanBeSetFromTheirOwnText) {
  Headers headers = {{"A", "1"}, {"B", "2"}};
  headers.set("A", *headers.get("B"));
  headers.add("C", *headers.get("A"));
  EXPECT_EQ(text_of(headers), "A=2;B=2;C=2;");
}

TEST(Headers, CloneIsIndependentAndOutlivesItsSource) {
  Headers copy;
  {
    Headers headers = {{"A", "1"}, {"Host", "h"}};
    copy = headers.clone();
    headers.set("A", "changed");
    headers.erase("Host");
  }
  EXPECT_EQ(text_of(copy), "A=1;Host=h;");
  EXPECT_TRUE(HeaderLines(copy).has(FieldId::host));
}

TEST(Headers, MovedFromIsEmptyAndUsable) {
  Headers headers = {{"A", "1"}};
  const Headers moved = std::move(headers);
  EXPECT_EQ(text_of(moved), "A=1;");
  // NOLINTBEGIN(bugprone-use-after-move,clang-analyzer-cplusplus.Move): stated behaviour
  EXPECT_TRUE(headers.empty());
  EXPECT_FALSE(headers.has("A"));
  headers.set("B", "2");
  EXPECT_EQ(text_of(headers), "B=2;");
  // NOLINTEND(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
}

TEST(Headers, TellsNamesOutsideTheTableApart) {
  Headers headers = {{"X-One", "1"}};
  EXPECT_TRUE(HeaderLines(headers).has(FieldId::unknown));
  EXPECT_FALSE(headers.has("X-Two"));
  headers.erase("X-Two");
  EXPECT_EQ(text_of(headers), "X-One=1;");
}

}  // namespace
}  // namespace onehop
