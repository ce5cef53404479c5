// SPDX-License-Identifier: Apache-2.0

#include <onehop/method.hpp>

#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(Method, ParseKeepsCaseAndAnyToken) {
  EXPECT_EQ(Method::parse("GET"), Method::get);
  EXPECT_NE(Method::parse("get"), Method::get);
  EXPECT_EQ(Method::parse("get")->text(), "get");
  EXPECT_EQ(Method::parse("M-SEARCH")->text(), "M-SEARCH");
  EXPECT_TRUE(Method::parse(std::string(Method::kMaxSize, 'A')).has_value());
  EXPECT_FALSE(Method::parse(std::string(Method::kMaxSize + 1, 'A')).has_value());
  for (const std::string_view bad : {"", "GE(T", "GET ", "G\tT", "G\xffT"}) {
    EXPECT_FALSE(Method::parse(bad).has_value()) << bad;
  }
}

TEST(Method, SafeAndIdempotentAsRfc9110Lists) {
  for (const Method& m : {Method::get, Method::head, Method::options, Method::trace}) {
    EXPECT_TRUE(m.is_safe()) << m.text();
    EXPECT_TRUE(m.is_idempotent()) << m.text();
  }
  for (const Method& m : {Method::put, Method::del}) {
    EXPECT_FALSE(m.is_safe()) << m.text();
    EXPECT_TRUE(m.is_idempotent()) << m.text();
  }
  for (const Method& m : {Method::post, Method::patch, Method::connect, *Method::parse("FOO")}) {
    EXPECT_FALSE(m.is_safe()) << m.text();
    EXPECT_FALSE(m.is_idempotent()) << m.text();
  }
}

}  // namespace
}  // namespace onehop
