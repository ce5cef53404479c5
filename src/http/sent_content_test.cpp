// SPDX-License-Identifier: Apache-2.0
#include "http/sent_content.hpp"

#include "support/bodies.hpp"

#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace onehop {
namespace {

enum class Kind : std::uint8_t { none, of_length_0, of_length_4, without_length };

struct Case {
  Method method;
  int status;
  Kind body;
  bool says_length;  // Content-Length: 9
  bool is_there;
  std::optional<std::uint64_t> length;
  bool keeps_received_length;
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

TEST(SentContent, IsWhatTheHeadSays) {
  constexpr std::optional<std::uint64_t> kUnsaid;
  const Case cases[] = {
      {Method::get, 200, Kind::none, false, false, 0, false},
      {Method::get, 200, Kind::of_length_0, false, false, 0, false},
      {Method::get, 200, Kind::of_length_4, false, true, 4, false},
      {Method::get, 200, Kind::of_length_4, true, true, 4, false},
      {Method::get, 200, Kind::without_length, false, true, kUnsaid, false},
      {Method::get, 200, Kind::without_length, true, true, kUnsaid, false},
      {Method::head, 200, Kind::none, false, false, kUnsaid, true},
      {Method::head, 200, Kind::none, true, false, kUnsaid, true},
      {Method::head, 200, Kind::of_length_4, false, false, 4, true},
      {Method::head, 200, Kind::of_length_4, true, false, kUnsaid, true},
      {Method::head, 200, Kind::without_length, false, false, kUnsaid, true},
      {Method::get, 204, Kind::of_length_4, true, false, kUnsaid, false},
      {Method::get, 204, Kind::none, true, false, kUnsaid, false},
      {Method::get, 304, Kind::of_length_4, true, false, kUnsaid, true},
      {Method::get, 304, Kind::none, false, false, kUnsaid, true},
      {Method::head, 204, Kind::none, true, false, kUnsaid, true},
  };
  for (const Case& one : cases) {
    Response response(Status(one.status), Headers(), body_of(one.body));
    if (one.says_length) response.headers().add("Content-Length", "9");
    const SentContent content = content_to_send(one.method, response);
    const std::string what = std::string(one.method.text()) + ' ' + std::to_string(one.status) +
                             " body " + std::to_string(static_cast<int>(one.body)) +
                             (one.says_length ? " with a length" : "");
    EXPECT_EQ(content.is_there, one.is_there) << what;
    EXPECT_EQ(content.length, one.length) << what;
    EXPECT_EQ(content.keeps_received_length, one.keeps_received_length) << what;
  }
}

}  // namespace
}  // namespace onehop
