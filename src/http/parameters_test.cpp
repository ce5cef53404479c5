// SPDX-License-Identifier: Apache-2.0

#include <onehop/parameters.hpp>

#include <onehop/form.hpp>
#include <onehop/url.hpp>

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::pair<std::string, std::string>> pairs_of(const Parameters& parameters) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Parameter& parameter : parameters)
    pairs.emplace_back(parameter.name, parameter.value);
  return pairs;
}

TEST(Parameters, AreReadAsBrowsersWriteThem) {
  struct Case {
    const char* text;
    std::vector<std::pair<std::string, std::string>> expected;
  };
  const Case cases[] = {
      {"", {}},
      {"a=1", {{"a", "1"}}},
      {"a=1&b=2&a=3", {{"a", "1"}, {"b", "2"}, {"a", "3"}}},
      {"a", {{"a", ""}}},
      {"a=", {{"a", ""}}},
      {"=1", {{"", "1"}}},
      {"&&a=1&", {{"a", "1"}}},
      {"a=b=c", {{"a", "b=c"}}},
      {"a+b=c+d", {{"a b", "c d"}}},
      {"a=%2B%26%3D%20", {{"a", "+&= "}}},
      {"%61=%c3%A9", {{"a", "\xc3\xa9"}}},
  };
  for (const Case& each : cases) {
    const Result<Parameters> read = Parameters::parse(each.text);
    ASSERT_TRUE(read) << each.text;
    EXPECT_EQ(pairs_of(*read), each.expected) << each.text;
  }
}

TEST(Parameters, RejectTextThatParsersReadDifferently) {
  for (const char* text : {"a=1;b=2", "a=%", "a=%2", "%zz=1", "a=1&b=%g0"}) {
    const Result<Parameters> read = Parameters::parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_TRUE(read.error().is(Errc::bad_request)) << text;
    EXPECT_EQ(read.error().side(), Side::client) << text;
  }
}

TEST(Parameters, HaveALimit) {
  std::string text = "a";
  for (std::size_t i = 1; i < Parameters::kMaxParameters; ++i)
    text += "&a";
  EXPECT_EQ(Parameters::parse(text)->size(), Parameters::kMaxParameters);
  const Result<Parameters> read = Parameters::parse(text + "&a");
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().is(Errc::limit_exceeded));
}

TEST(Parameters, AreFoundByName) {
  const Parameters parameters = {{"a", "1"}, {"b", ""}, {"a", "2"}};
  EXPECT_EQ(parameters.get("a"), "1");
  EXPECT_EQ(parameters.get("b"), "");
  EXPECT_EQ(parameters.get("A"), std::nullopt);
  EXPECT_EQ(parameters.get_or_empty("c"), "");
  EXPECT_TRUE(parameters.has("b"));
  EXPECT_FALSE(parameters.has("c"));
  EXPECT_THAT(parameters.get_all("a"), ElementsAre("1", "2"));
  EXPECT_THAT(parameters.get_all("c"), IsEmpty());
}

TEST(Parameters, AreEditedAndWritten) {
  Parameters parameters = {{"a", "1"}, {"b", "x y"}, {"a", "2"}};
  EXPECT_EQ(parameters.to_string(), "a=1&b=x+y&a=2");
  parameters.set("a", "&=+");
  EXPECT_EQ(parameters.to_string(), "a=%26%3D%2B&b=x+y");
  parameters.set("c", "\xc3\xa9");
  parameters.add("c", "");
  EXPECT_EQ(parameters.to_string(), "a=%26%3D%2B&b=x+y&c=%C3%A9&c=");
  EXPECT_EQ(parameters.erase("c"), 2U);
  EXPECT_EQ(parameters.erase("c"), 0U);
  Url url = Url::parse("http://h/p").value();
  ASSERT_TRUE(url.set_query(parameters.to_string()));
  EXPECT_EQ(url.target(), "/p?a=%26%3D%2B&b=x+y");
  EXPECT_EQ(Parameters::parse(url.query())->get("a"), "&=+");
}

Result<Parameters> form_in(std::string content, Headers headers, std::size_t limit = 100) {
  Request request(Method::post, Url(), std::move(headers), Body::of(std::move(content)));
  auto work = read_form(request, limit);
  EXPECT_TRUE(work.start());
  return work.take();
}

constexpr const char* kForm = "application/x-www-form-urlencoded";

TEST(Form, IsReadFromTheContent) {
  EXPECT_EQ(form_in("a=1+2&b=3", {{"Content-Type", kForm}})->get("a"), "1 2");
  EXPECT_EQ(form_in("a=1", {{"Content-Type", "Application/X-WWW-Form-UrlEncoded ; charset=UTF-8"}})
                ->size(),
            1U);
  EXPECT_TRUE(form_in("", {{"Content-Type", kForm}})->empty());
}

TEST(Form, IsRefused) {
  const auto other = form_in("a=1", {{"Content-Type", "application/json"}});
  ASSERT_FALSE(other);
  EXPECT_TRUE(other.error().is(Errc::bad_request));
  EXPECT_FALSE(form_in("a=1", {}));
  const auto too_long = form_in("a=12345", {{"Content-Type", kForm}}, 6);
  ASSERT_FALSE(too_long);
  EXPECT_TRUE(too_long.error().is(Errc::body_too_large));
  EXPECT_EQ(too_long.error().side(), Side::client);
  EXPECT_FALSE(form_in("a=%", {{"Content-Type", kForm}}));
}

}  // namespace
}  // namespace onehop
