// SPDX-License-Identifier: Apache-2.0
#include "http/answer_framing.hpp"

#include "support/bodies.hpp"

#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace onehop {
namespace {

enum class Kind : std::uint8_t { none, of_length_0, of_length_4, without_length };

struct FramingCase {
  Method method;
  int status;
  Kind body;
  bool says_length;  // Content-Length: 9
  AnswerFraming::Content content;
  std::optional<std::uint64_t> length;
  bool is_length_implied;
  bool keeps_content_length;
};

Body body_of(Kind kind) {
  switch (kind) {
    case Kind::none:
      return {};
    case Kind::of_length_0: {
      auto nothing = test::pieces({});
      nothing->length_ = 0;
      return Body::from(std::move(nothing));
    }
    case Kind::of_length_4:
      return Body::of("four");
    case Kind::without_length:
      return Body::from(test::pieces({"four"}));
  }
  return {};
}

TEST(AnswerFraming, DependsOnMethodStatusAndBody) {
  using enum AnswerFraming::Content;
  constexpr std::optional<std::uint64_t> kUnsaid;
  const FramingCase cases[] = {
      {Method::get, 200, Kind::none, false, none, 0, true, false},
      {Method::get, 200, Kind::none, true, none, 0, false, false},
      {Method::get, 200, Kind::of_length_0, false, none, 0, false, false},
      {Method::get, 200, Kind::of_length_4, false, of_length, 4, false, false},
      {Method::get, 200, Kind::of_length_4, true, of_length, 4, false, false},
      {Method::get, 200, Kind::without_length, false, unbounded, kUnsaid, false, false},
      {Method::get, 200, Kind::without_length, true, unbounded, kUnsaid, false, false},
      {Method::head, 200, Kind::none, false, none, kUnsaid, false, true},
      {Method::head, 200, Kind::none, true, none, kUnsaid, false, true},
      {Method::head, 200, Kind::of_length_4, false, none, 4, false, true},
      {Method::head, 200, Kind::of_length_4, true, none, kUnsaid, false, true},
      {Method::head, 200, Kind::without_length, false, none, kUnsaid, false, true},
      {Method::get, 204, Kind::of_length_4, true, none, kUnsaid, false, false},
      {Method::get, 204, Kind::none, true, none, kUnsaid, false, false},
      {Method::get, 304, Kind::of_length_4, true, none, kUnsaid, false, true},
      {Method::get, 304, Kind::none, false, none, kUnsaid, false, true},
      {Method::head, 204, Kind::none, true, none, kUnsaid, false, true},
  };
  for (const FramingCase& one : cases) {
    Response response(Status(one.status), Headers(), body_of(one.body));
    if (one.says_length) response.headers().add("Content-Length", "9");
    const AnswerFraming framing = answer_framing(one.method, response);
    const std::string what = std::string(one.method.text()) + ' ' + std::to_string(one.status) +
                             " body " + std::to_string(static_cast<int>(one.body)) +
                             (one.says_length ? " with a length" : "");
    EXPECT_EQ(framing.content, one.content) << what;
    EXPECT_EQ(framing.length, one.length) << what;
    EXPECT_EQ(framing.is_length_implied, one.is_length_implied) << what;
    EXPECT_EQ(framing.keeps_content_length, one.keeps_content_length) << what;
    EXPECT_EQ(framing.has_content(), one.content != none) << what;
    EXPECT_EQ(framing.may_have_trailers(), one.content == unbounded) << what;
  }
}

}  // namespace
}  // namespace onehop
