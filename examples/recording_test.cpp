// SPDX-License-Identifier: Apache-2.0
//
// Try it: recording_test        (it runs the tests and reports the results)
//
// Tests of a handler that sends requests to an upstream. A recording round tripper stands in for
// the Transport: it responds as the test says, and records every request with its absolute URL.
#include <onehop/onehop.hpp>
#include <onehop/testing.hpp>

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace {

using namespace onehop::literals;

// Greets a user by name. A second service knows the names.
class Greeting final : public onehop::Handler {
 public:
  explicit Greeting(std::shared_ptr<const onehop::RoundTripper> service)
      : service_(std::move(service)) {}

  onehop::task<onehop::Response> serve(onehop::Request request) const override {
    onehop::Url url = "http://names.internal:8080/v1/name"_url;
    if (!url.set_query("id=" + std::string(request.url().query()))) {
      co_return onehop::Response(onehop::Status::bad_request, "no such user\n");
    }
    onehop::Request question(onehop::Method::get, std::move(url));
    question.set_host(question.url().authority());
    auto name = co_await service_->round_trip(std::move(question));
    if (!name) co_return onehop::Response(onehop::Status::bad_gateway, "no name\n");
    auto text = co_await name->body().read_all(1000);
    co_return onehop::Response(onehop::Status::ok, "hello, " + text.value_or("you") + "\n");
  }

 private:
  std::shared_ptr<const onehop::RoundTripper> service_;
};

TEST(Greeting, AsksTheServiceForTheName) {
  auto service =
      std::make_shared<onehop::testing::RecordingRoundTripper>(onehop::Status::ok, "Ada");
  const Greeting greeting(service);

  onehop::Response response = onehop::testing::serve(greeting, "GET /?7");

  EXPECT_EQ(onehop::testing::text_of(response), "hello, Ada\n");
  EXPECT_EQ(service->last().url, "http://names.internal:8080/v1/name?id=7");
  EXPECT_EQ(service->last().headers.get("Host"), "names.internal:8080");
}

TEST(Greeting, SaysSoWhenTheServiceFails) {
  auto service = std::make_shared<onehop::testing::RecordingRoundTripper>(
      [](const onehop::Request&) -> onehop::Result<onehop::Response> {
        return onehop::failure(onehop::Errc::timed_out, onehop::Side::upstream);
      });

  onehop::Response response = onehop::testing::serve(Greeting(service), "GET /?7");

  EXPECT_EQ(response.status(), onehop::Status::bad_gateway);
}

}  // namespace
