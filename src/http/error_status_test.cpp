// SPDX-License-Identifier: Apache-2.0

#include "http/error_status.hpp"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

std::string text_of(Response response) {
  task<Result<std::string>> work = response.body().read_all(10000);
  EXPECT_TRUE(work.start());
  return work.take().value();
}

struct Row {
  Error error;
  int status;
};

class ErrorStatus : public ::testing::TestWithParam<Row> {};

TEST_P(ErrorStatus, MatchesTheTable) {
  const Row& row = GetParam();
  EXPECT_EQ(status_for(row.error).code(), row.status) << row.error.to_string();
}

constexpr Side kClient = Side::client;
constexpr Side kUpstream = Side::upstream;
constexpr Side kLocal = Side::local;

INSTANTIATE_TEST_SUITE_P(Table,
                         ErrorStatus,
                         ::testing::Values(Row{Error(Errc::bad_request, kClient), 400},
                                           Row{Error(Errc::timed_out, kClient), 408},
                                           Row{Error::system(ETIMEDOUT, kClient), 408},
                                           Row{Error(Errc::body_too_large, kClient), 413},
                                           Row{Error(Errc::limit_exceeded, kClient), 413},
                                           Row{Error(Errc::too_many_requests, kClient), 429},
                                           Row{Error(Errc::request_line_too_long, kClient), 414},
                                           Row{Error(Errc::expectation_failed, kClient), 417},
                                           Row{Error(Errc::head_too_large, kClient), 431},
                                           Row{Error(Errc::truncated, kClient), 400},
                                           Row{Error(Errc::bad_url, kClient), 400},
                                           Row{Error(Errc::bad_field, kClient), 400},
                                           Row{Error(Errc::client_gone, kClient), 499},
                                           Row{Error(Errc::closed, kClient), 499},
                                           Row{Error::system(ECONNRESET, kClient), 499},
                                           Row{Error(Errc::unsupported_transfer, kClient), 501},
                                           Row{Error(Errc::unsupported_method, kClient), 501},
                                           Row{Error(Errc::unsupported_version, kClient), 505},
                                           Row{Error(Errc::bad_response, kUpstream), 502},
                                           Row{Error(Errc::response_head_too_large, kUpstream),
                                               502},
                                           Row{Error(Errc::truncated, kUpstream), 502},
                                           Row{Error(Errc::closed, kUpstream), 502},
                                           Row{Error(Errc::limit_exceeded, kUpstream), 502},
                                           Row{Error(Errc::unexpected_upgrade, kUpstream), 502},
                                           Row{Error(Errc::http1_needed, kUpstream), 502},
                                           Row{Error(Errc::loop_detected, kUpstream), 508},
                                           Row{Error(Errc::name_not_resolved, kUpstream), 502},
                                           Row{Error(Errc::connect_failed, kUpstream), 502},
                                           Row{Error::system(ECONNREFUSED, kUpstream), 502},
                                           Row{Error(Errc::timed_out, kUpstream), 504},
                                           Row{Error::system(ETIMEDOUT, kUpstream), 504},
                                           Row{Error(Errc::no_endpoint, kUpstream), 503},
                                           Row{Error(Errc::no_connection_slot, kUpstream), 503},
                                           Row{Error(Errc::cancelled, kLocal), 503},
                                           Row{Error(Errc::timed_out, kLocal), 504},
                                           Row{Error(Errc::bad_url, kLocal), 502},
                                           Row{Error(Errc::bad_field, kLocal), 502},
                                           Row{Error(Errc::bad_option, kLocal), 500},
                                           Row{Error(Errc::handler_failed, kLocal), 500},
                                           Row{Error(Errc::limit_exceeded, kLocal), 500},
                                           Row{Error(Errc::overloaded, kLocal), 503},
                                           Row{Error(Errc::closed, kLocal), 500},
                                           Row{Error(Errc::truncated, kLocal), 500},
                                           Row{Error::system(EMFILE, kLocal), 503},
                                           Row{Error::system(EACCES, kLocal), 500}));

TEST(ResponseFor, Text) {
  const Response response = response_for(Status::bad_gateway, "*/*", "");
  EXPECT_EQ(response.headers().get("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(text_of(response_for(Status::bad_gateway, "", "")), "502 Bad Gateway\n");
  EXPECT_EQ(text_of(response_for(Status(599), "", "abc")), "599 Error\nRequest ID: abc\n");
}

TEST(ResponseFor, Html) {
  const Response response = response_for(Status::not_found, "text/html", "");
  EXPECT_EQ(response.headers().get("Content-Type"), "text/html; charset=utf-8");
  const std::string page = text_of(response_for(Status::not_found, "text/html", "<a&\"b>"));
  EXPECT_NE(page.find("404 Not Found"), std::string::npos);
  EXPECT_NE(page.find("&lt;a&amp;&quot;b&gt;"), std::string::npos);
}

TEST(ResponseFor, Json) {
  const Response response = response_for(Status::bad_gateway, "application/json", "");
  EXPECT_EQ(response.headers().get("Content-Type"), "application/json");
  EXPECT_EQ(
      text_of(response_for(Status::bad_gateway, "application/json", "a\"\\\n\tb")),
      "{\"status\":502,\"error\":\"Bad Gateway\",\"request_id\":\"a\\\"\\\\\\u000a\\u0009b\"}\n");
  EXPECT_EQ(text_of(response_for(Status::bad_gateway, "application/json", "")),
            "{\"status\":502,\"error\":\"Bad Gateway\"}\n");
}

TEST(ResponseFor, ServiceUnavailableHasRetryAfter) {
  EXPECT_EQ(response_for(Status::service_unavailable, "", "").headers().get("Retry-After"), "1");
  EXPECT_EQ(response_for(Status(429), "", "").headers().get("Retry-After"), "1");
  EXPECT_FALSE(response_for(Status::bad_gateway, "", "").headers().has("Retry-After"));
}

}  // namespace
}  // namespace onehop
