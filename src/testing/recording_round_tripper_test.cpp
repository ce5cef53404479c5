// SPDX-License-Identifier: Apache-2.0
#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "support/bodies.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::testing {
namespace {

using namespace literals;

Request asked(std::string content = {}) {
  Request request(Method::post, "http://app.test:81/a?b=c"_url);
  request.headers().add("X-Kept", "yes");
  request.set_body(Body::of(std::move(content)));
  return request;
}

TEST(RecordingRoundTripper, RecordsTheRequest) {
  const RecordingRoundTripper recorder(Status::accepted, "fine");
  auto response = run(recorder.round_trip(asked("content")));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status(), Status::accepted);
  EXPECT_EQ(text_of(*response), "fine");
  ASSERT_EQ(recorder.requests().size(), 1u);
  EXPECT_EQ(recorder.last().method, Method::post);
  EXPECT_EQ(recorder.last().url, "http://app.test:81/a?b=c");
  EXPECT_EQ(recorder.last().headers.get("X-Kept"), "yes");
  EXPECT_EQ(recorder.last().content, "content");
}

TEST(RecordingRoundTripper, RespondsWithAFunction) {
  int calls = 0;
  const RecordingRoundTripper recorder([&](const Request& request) -> Result<Response> {
    EXPECT_EQ(request.url().path(), "/a");
    if (++calls == 1) return failure(Errc::closed, Side::upstream);
    return Response(Status::ok, "again");
  });
  EXPECT_FALSE(run(recorder.round_trip(asked())));
  EXPECT_TRUE(run(recorder.round_trip(asked())));
  EXPECT_EQ(recorder.requests().size(), 2u);
}

TEST(RecordingRoundTripper, ForwardsTheWholeRequest) {
  auto upstream = testing::recorder(Status::ok, "from afar");
  const RecordingRoundTripper recorder(round_tripper_over(upstream));
  auto response = run(recorder.round_trip(asked("content")));
  ASSERT_TRUE(response);
  EXPECT_EQ(text_of(*response), "from afar");
  EXPECT_EQ(upstream->last_content(), "content");
  EXPECT_EQ(recorder.last().content, "content");
}

TEST(RecordingRoundTripper, ForwardsTrailers) {
  std::string seen;
  const auto upstream = make_handler([&seen](Request request) -> task<Response> {
    auto reading = request.body().read_all(100);
    const auto content = co_await std::move(reading);
    seen = content.value() + " " + std::string(request.body().trailers().get_or_empty("X-Sum"));
    co_return Response(Status::no_content);
  });
  const RecordingRoundTripper recorder(round_tripper_over(upstream));
  auto body = test::pieces({"a", "b"});
  body->trailers_.add("X-Sum", "2");
  Request request = asked();
  request.set_body(Body::from(std::move(body)));
  ASSERT_TRUE(run(recorder.round_trip(std::move(request))));
  EXPECT_EQ(seen, "ab 2");
  EXPECT_EQ(recorder.last().content, "ab");
}

// A client that sends the rest of its content only after the response must get the response.
TEST(RecordingRoundTripper, DoesNotWaitForContentThatIsNotRead) {
  const auto upstream = make_handler([](Request) { return Response(Status::ok, "early"); });
  const RecordingRoundTripper recorder(round_tripper_over(upstream));
  auto body = test::pieces({"a"});
  body->pause_ = std::chrono::hours(1);
  Request request = asked();
  request.set_body(Body::from(std::move(body)));
  Network network;
  auto response = network.run(recorder.round_trip(std::move(request)));
  ASSERT_TRUE(response);
  EXPECT_EQ(text_of(*response), "early");
  EXPECT_EQ(recorder.last().content, "");
}

TEST(RecordingRoundTripper, RecordsTheUrlThatTheProxyRequests) {
  auto recorder = std::make_shared<RecordingRoundTripper>(Status::ok, "x");
  const ReverseProxy proxy(
      {.rewrite = [](ProxyRequest& request) { request.set_url("https://app.test/base"_url); },
       .transport = recorder});
  serve(proxy, "GET /x?y=1");
  EXPECT_EQ(recorder->last().url, "https://app.test/base/x?y=1");
}

TEST(Serve, ReturnsTheContentWithItsTrailers) {
  const auto handler = make_handler([](Request) {
    auto body = test::pieces({"a", "b"});
    body->trailers_.add("X-Sum", "2");
    return Response(Status::ok, Headers(), Body::from(std::move(body)));
  });
  Response response = serve(*handler, "GET /");
  EXPECT_EQ(text_of(response), "ab");
  EXPECT_EQ(response.body().trailers().get("X-Sum"), "2");
}

TEST(RecordingRoundTripper, RejectsANullResponder) {
  EXPECT_THROW(RecordingRoundTripper{RecordingRoundTripper::Respond()}, std::invalid_argument);
  EXPECT_THROW(RecordingRoundTripper{std::shared_ptr<const RoundTripper>()}, std::invalid_argument);
  EXPECT_THROW(RecordingRoundTripper(Status::ok, "").last(), std::out_of_range);
}

}  // namespace
}  // namespace onehop::testing
