// SPDX-License-Identifier: Apache-2.0

#include <onehop/round_tripper.hpp>

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace literals;  // NOLINT(google-build-using-namespace)

Result<Response> round_trip(std::shared_ptr<const Handler> handler, Request request) {
  const std::shared_ptr<const RoundTripper> tripper = round_tripper_over(std::move(handler));
  task<Result<Response>> work = tripper->round_trip(std::move(request));
  EXPECT_TRUE(work.start());
  return work.take();
}

std::string text_of(Response& response) {
  task<Result<std::string>> work = response.body().read_all(1000);
  EXPECT_TRUE(work.start());
  return work.take().value();
}

TEST(RoundTripperOver, HandlerSeesTheRequestAsFromAServer) {
  const auto handler = make_handler([](const Request& in) {
    return Response(Status::ok,
                    std::string(in.url().to_string()) + " at " + std::string(in.host()));
  });
  Result<Response> response = round_trip(handler, Request(Method::get, "http://h:81/p?q"_url));
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(text_of(*response), "/p?q at h:81");
}

TEST(RoundTripperOver, KeepsAnExistingHost) {
  const auto handler =
      make_handler([](const Request& in) { return Response(Status::ok, std::string(in.host())); });
  Request request(Method::get, "http://h/p"_url);
  request.set_host("other");
  Result<Response> response = round_trip(handler, std::move(request));
  EXPECT_EQ(text_of(*response), "other");
}

TEST(RoundTripperOver, ResponsesToHeadHaveALengthAndNoBody) {
  const auto handler =
      make_handler([](const Request&) { return Response(Status::ok, std::string("hello")); });
  Result<Response> response = round_trip(handler, Request(Method::head, "http://h/"_url));
  EXPECT_TRUE(response->body().is_empty());
  EXPECT_EQ(response->headers().get("Content-Length"), "5");
}

TEST(RoundTripperOver, A204ResponseHasNoContent) {
  const auto handler = make_handler(
      [](const Request&) { return Response(Status::no_content, std::string("hello")); });
  Result<Response> response = round_trip(handler, Request(Method::get, "http://h/"_url));
  EXPECT_TRUE(response->body().is_empty());
  EXPECT_FALSE(response->headers().has("Content-Length"));
}

TEST(RoundTripperOver, AnExceptionIsAnError) {
  const auto handler =
      make_handler([](const Request&) -> Response { throw std::runtime_error("no luck"); });
  const Result<Response> response = round_trip(handler, Request(Method::get, "http://h/"_url));
  ASSERT_FALSE(response.has_value());
  EXPECT_TRUE(response.error().is(Errc::handler_failed));
  EXPECT_EQ(response.error().detail(), "no luck");
}

}  // namespace
}  // namespace onehop
