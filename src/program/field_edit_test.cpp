// SPDX-License-Identifier: Apache-2.0
#include "program/field_edit.hpp"

#include <gtest/gtest.h>

namespace onehop::program {
namespace {

TEST(FieldEdit, SetsOrRemoves) {
  const auto set = parse_field_edit("X-Env:  test lab ");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->name, "X-Env");
  EXPECT_EQ(set->value, "test lab");
  EXPECT_FALSE(set->removes);

  const auto removed = parse_field_edit("-Cookie");
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->name, "Cookie");
  EXPECT_TRUE(removed->removes);
}

TEST(FieldEdit, RefusesWhatCannotGoOnTheWire) {
  for (const char* text : {"", "-", "no colon", ": value", "a b: c", "X: a\nY: b", "X: a\rb"}) {
    EXPECT_FALSE(parse_field_edit(text)) << text;
  }
}

TEST(FieldEdit, RefusesTheFieldsOfTheConnection) {
  for (const char* text : {"Connection: close", "-content-length", "Transfer-Encoding: gzip"}) {
    EXPECT_FALSE(parse_field_edit(text)) << text;
  }
}

TEST(FieldEdit, IsAppliedInOrder) {
  Headers headers{{"Cookie", "a=1"}, {"X-Env", "old"}};
  apply_edits({*parse_field_edit("X-Env: new"), *parse_field_edit("-Cookie"),
               *parse_field_edit("X-Extra:")},
              headers);
  EXPECT_EQ(headers.get("X-Env"), "new");
  EXPECT_EQ(headers.get("X-Extra"), "");
  EXPECT_FALSE(headers.has("Cookie"));
}

}  // namespace
}  // namespace onehop::program
