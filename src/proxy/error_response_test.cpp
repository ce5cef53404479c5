// SPDX-License-Identifier: Apache-2.0

#include <onehop/reverse_proxy.hpp>

#include "support/scripted_upstream.hpp"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::from_client;
using test::text_of;
using ::testing::HasSubstr;
using ::testing::Not;

int status_for(const Error& error) {
  return default_error_response(from_client(), error).status().code();
}

// E02, E06, E07, E13, E14
TEST(DefaultErrorResponse, BlamesTheRightSide) {
  EXPECT_EQ(status_for(Error(Errc::bad_request, Side::client)), 400);
  EXPECT_EQ(status_for(Error(Errc::timed_out, Side::client)), 408);
  EXPECT_EQ(status_for(Error(Errc::body_too_large, Side::client)), 413);
  EXPECT_EQ(status_for(Error(Errc::connect_failed, Side::upstream)), 502);
  EXPECT_EQ(status_for(Error::system(ECONNREFUSED, Side::upstream)), 502);
  EXPECT_EQ(status_for(Error(Errc::bad_response, Side::upstream)), 502);
  EXPECT_EQ(status_for(Error(Errc::timed_out, Side::upstream)), 504);
  EXPECT_EQ(status_for(Error(Errc::handler_failed, Side::local)), 500);
}

// 499 is for the log.
TEST(DefaultErrorResponse, NeverSends499) {
  EXPECT_EQ(status_for(Error(Errc::client_gone, Side::client)), 400);
  EXPECT_EQ(status_for(Error(Errc::closed, Side::client)), 400);
}

TEST(DefaultErrorResponse, HasRetryAfterWithoutAConnectionSlot) {
  const Response response =
      default_error_response(from_client(), Error(Errc::no_connection_slot, Side::upstream));
  EXPECT_EQ(response.status(), Status::service_unavailable);
  EXPECT_EQ(response.headers().get_or_empty("Retry-After"), "1");
}

TEST(DefaultErrorResponse, IsShortTextWithoutAddresses) {
  Error error(Errc::connect_failed, Side::upstream, "connect to 10.0.0.7:9000");
  Response response = default_error_response(from_client(), error);
  EXPECT_EQ(response.headers().get_or_empty("Content-Type"), "text/plain; charset=utf-8");
  const std::string text = text_of(response.body());
  EXPECT_THAT(text, HasSubstr("502 Bad Gateway"));
  EXPECT_THAT(text, Not(HasSubstr("10.0.0.7")));
}

TEST(DefaultErrorResponse, HonorsAcceptAndContainsTheRequestId) {
  const Request in = from_client({{"Accept", "application/json"}, {"X-Request-ID", "r-1"}});
  Response response = default_error_response(in, Error(Errc::timed_out, Side::upstream));
  EXPECT_EQ(response.headers().get_or_empty("Content-Type"), "application/json");
  const std::string text = text_of(response.body());
  EXPECT_THAT(text, HasSubstr("\"status\":504"));
  EXPECT_THAT(text, HasSubstr("r-1"));
}

}  // namespace
}  // namespace onehop
