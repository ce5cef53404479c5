// SPDX-License-Identifier: Apache-2.0

#include "http/media_type.hpp"

#include <gtest/gtest.h>

namespace onehop {
namespace {

TEST(MediaType, EventStream) {
  for (const std::string_view yes :
       {"text/event-stream", "Text/Event-Stream; charset=utf-8", " text/event-stream ;x=y"}) {
    EXPECT_TRUE(is_event_stream(yes)) << yes;
  }
  for (const std::string_view no : {"", "text/event-streams", "text/plain", "x/text/event-stream",
                                    "text/plain; a=text/event-stream"}) {
    EXPECT_FALSE(is_event_stream(no)) << no;
  }
}

TEST(MediaType, Grpc) {
  EXPECT_TRUE(is_grpc("application/grpc"));
  EXPECT_TRUE(is_grpc("application/grpc+proto; x=y"));
  EXPECT_FALSE(is_grpc("application/grpc-web"));
  EXPECT_FALSE(is_grpc("application/json"));
}

struct AcceptCase {
  std::string_view accept;
  ErrorFormat format;
};

TEST(MediaType, PreferredErrorFormat) {
  constexpr auto kText = ErrorFormat::text;
  constexpr auto kHtml = ErrorFormat::html;
  constexpr auto kJson = ErrorFormat::json;
  for (const AcceptCase& c :
       {AcceptCase{"", kText}, AcceptCase{"*/*", kText}, AcceptCase{"text/*", kText},
        AcceptCase{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", kHtml},
        AcceptCase{"application/json, text/plain, */*", kJson},
        AcceptCase{"text/plain, application/json", kText}, AcceptCase{"application/json", kJson},
        AcceptCase{"APPLICATION/JSON;q=1.0", kJson}, AcceptCase{"application/*", kJson},
        AcceptCase{"image/png", kText},
        AcceptCase{"text/html;q=0.5, application/json;q=0.6", kJson},
        AcceptCase{"text/html;q=0, */*", kText}, AcceptCase{"text/plain;q=0.1, text/html", kHtml},
        AcceptCase{"application/json;q=bad", kText},
        AcceptCase{"text/html;level=1;q=0.3, application/json;q=0.31", kJson},
        AcceptCase{", ,,;;q=,", kText}}) {
    EXPECT_EQ(preferred_error_format(c.accept), c.format) << c.accept;
  }
}

}  // namespace
}  // namespace onehop
