// SPDX-License-Identifier: Apache-2.0
//
// Objects that a handler keeps may outlive its server. They fail after that.
#include <onehop/onehop.hpp>
#include <onehop/testing.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace onehop {
namespace {

Server::Options quiet() {
  Server::Options options;
  options.listen = "127.0.0.1:0";
  options.workers = 1;
  options.log = [](LogLevel, std::string_view) {};
  return options;
}

// An endless response.
class Endless final : public BodySource {
 public:
  task<Result<bytes>> read() override {
    if (std::exchange(begun_, true)) co_await sleep_for(std::chrono::hours(1));
    co_return bytes("begun");
  }

 private:
  bool begun_ = false;
};

struct Kept {
  std::optional<Body> request;
  std::optional<Body> response;
};

std::optional<Error> error_of(Body& body) {
  auto read = onehop::testing::run(
      [](Body& b) -> task<Result<std::string>> { co_return co_await b.read_all(100); }(body));
  if (read) return std::nullopt;
  return read.error();
}

TEST(Outliving, BodiesThatOutliveTheirServerEndWithAnError) {
  for (const std::string scheme : {"http", "h2c"}) {
    Server backend(quiet());
    ASSERT_TRUE(backend.start(make_handler([](Request) {
      return Response(Status::ok, Headers(), Body::from(std::make_unique<Endless>()));
    })));
    auto transport = std::make_shared<Transport>();
    Kept kept;
    {
      Server server(quiet());
      const Url target = Url::parse(scheme + "://" + backend.addresses().front()).value();
      ASSERT_TRUE(
          server.start(make_handler([&kept, transport, target](Request in) -> task<Response> {
            Request out(Method::get, target, Headers({{"Host", "h"}}));
            auto got = co_await transport->round_trip(std::move(out));
            if (!got) co_return Response(Status::bad_gateway, got.error().to_string());
            auto begun = co_await got->body().read();
            if (!begun) co_return Response(Status::bad_gateway, begun.error().to_string());
            kept.request = std::move(in.body());
            kept.response = std::move(got->body());
            co_return Response(Status::ok, "kept");
          })));
      const std::string address = server.addresses().front();
      const auto answer = onehop::testing::run([](std::string where) -> task<Result<std::string>> {
        Request out(Method::post, Url::parse("http://" + where).value(), Headers({{"Host", "h"}}));
        out.set_body(Body::from(std::make_unique<Endless>()));
        const Transport client;
        auto got = co_await client.round_trip(std::move(out));
        if (!got) co_return failure(got.error());
        co_return co_await got->body().read_all(1000);
      }(address));
      ASSERT_TRUE(answer) << answer.error().to_string();
      ASSERT_EQ(*answer, "kept");
      server.stop(std::chrono::seconds(0));
    }
    ASSERT_TRUE(kept.request && kept.response);
    EXPECT_TRUE(error_of(*kept.request)) << scheme;
    EXPECT_TRUE(error_of(*kept.response)) << scheme;
  }
}

}  // namespace
}  // namespace onehop
