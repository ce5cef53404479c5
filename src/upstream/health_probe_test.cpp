// SPDX-License-Identifier: Apache-2.0
//
// One check of one endpoint, against servers in memory.
#include "upstream/health_probe.hpp"

#include <onehop/testing.hpp>

#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::upstream {
namespace {

using namespace std::chrono_literals;
using Kind = Upstream::HealthCheck::Kind;
using ::testing::HasSubstr;

// Responds as the test decides, and keeps the last request.
class Backend final : public Handler {
 public:
  explicit Backend(std::function<Response()> respond) : respond_(std::move(respond)) {}

  task<Response> serve(Request request) const override {
    auto content = co_await request.body().read_all(1000);
    last_content_ = content.value_or("unreadable");
    last_ = std::move(request);
    co_return respond_();
  }
  const Request& last() const { return last_; }
  const std::string& last_content() const { return last_content_; }

 private:
  std::function<Response()> respond_;
  mutable Request last_;
  mutable std::string last_content_;
};

class HealthProbeTest : public ::testing::Test {
 protected:
  CheckResult check(Upstream::HealthCheck check, const char* url = "http://backend") {
    const HealthProbe probe(std::move(check), network_.transport_options());
    const Endpoint endpoint{Upstream::Endpoint(url)};
    return network_.run(probe.check(endpoint));
  }
  void serve(std::function<Response()> respond) {
    backend_ = std::make_shared<Backend>(std::move(respond));
    network_.serve("backend:80", backend_);
  }
  void serve_grpc(std::string content) {
    serve([content] {
      Response response(200);
      response.headers().set("Content-Type", "application/grpc");
      response.set_body(Body::of(content));
      return response;
    });
  }

  testing::Network network_;
  std::shared_ptr<Backend> backend_;
};

TEST_F(HealthProbeTest, A2xxOr3xxStatusIsGood) {
  serve([] { return Response(204); });
  EXPECT_TRUE(check({.kind = Kind::http, .path = "/healthz?full"}).is_good());
  EXPECT_EQ(backend_->last().url().target(), "/healthz?full");
  EXPECT_EQ(backend_->last().host(), "backend");
  serve([] { return Response(302); });
  EXPECT_TRUE(check({.kind = Kind::http, .host = "site"}).is_good());
  EXPECT_EQ(backend_->last().host(), "site");
}

TEST_F(HealthProbeTest, AnyOtherStatusIsBad) {
  for (const int status : {404, 500, 503}) {
    serve([status] { return Response(status); });
    const CheckResult result = check({.kind = Kind::http});
    EXPECT_EQ(result.found, Condition::down);
    EXPECT_EQ(result.reason, "status " + std::to_string(status));
  }
}

TEST_F(HealthProbeTest, A503WithConnectionCloseMeansDraining) {
  serve([] {
    Response response(503);
    response.headers().set("Connection", "close");
    return response;
  });
  EXPECT_EQ(check({.kind = Kind::http}).found, Condition::leaving);
}

TEST_F(HealthProbeTest, ARefusalIsBad) {
  network_.refuse("backend:80");
  for (const Kind kind : {Kind::http, Kind::tcp, Kind::grpc}) {
    const CheckResult result = check({.kind = kind});
    EXPECT_EQ(result.found, Condition::down);
    EXPECT_THAT(result.reason, HasSubstr("refused"));
  }
}

TEST_F(HealthProbeTest, AConnectionIsEnoughForTcp) {
  network_.listen("backend:80");
  EXPECT_TRUE(check({.kind = Kind::tcp}).is_good());
  EXPECT_EQ(network_.accept("backend:80").receive(), "");
}

TEST_F(HealthProbeTest, GrpcServingIsGood) {
  serve_grpc(std::string("\0\0\0\0\2\x08\1", 7));
  EXPECT_TRUE(check({.kind = Kind::grpc}).is_good());
  EXPECT_EQ(backend_->last().url().path(), "/grpc.health.v1.Health/Check");
  EXPECT_EQ(backend_->last().method(), Method::post);
  EXPECT_EQ(backend_->last().connection().version, Version::http_2);
  EXPECT_EQ(backend_->last_content(), std::string("\0\0\0\0\0", 5));
  EXPECT_TRUE(check({.kind = Kind::grpc, .service = "shop"}).is_good());
  EXPECT_EQ(backend_->last_content(), std::string("\0\0\0\0\6\x0a\4shop", 11));
}

// Regression: checks over a kept connection did not show how a new connection would fare.
TEST_F(HealthProbeTest, EachCheckMakesAConnection) {
  serve_grpc(std::string("\0\0\0\0\2\x08\1", 7));
  for (const Kind kind : {Kind::grpc, Kind::http}) {
    const HealthProbe probe({.kind = kind}, network_.transport_options());
    const Endpoint endpoint{Upstream::Endpoint("http://backend")};
    EXPECT_TRUE(network_.run(probe.check(endpoint)).is_good());
    const ConnectionId first = backend_->last().connection().id;
    EXPECT_TRUE(network_.run(probe.check(endpoint)).is_good());
    EXPECT_NE(backend_->last().connection().id.number(), first.number());
  }
}

TEST_F(HealthProbeTest, AGrpcServiceNameMayBeLong) {
  serve_grpc(std::string("\0\0\0\0\2\x08\1", 7));
  const std::string name(300, 's');
  EXPECT_TRUE(check({.kind = Kind::grpc, .service = name}).is_good());
  EXPECT_EQ(backend_->last_content(), std::string("\0\0\0\1\x2f\x0a\xac\x02", 8) + name);
}

TEST_F(HealthProbeTest, EveryOtherGrpcStatusIsBad) {
  serve_grpc(std::string("\0\0\0\0\2\x08\2", 7));
  EXPECT_EQ(check({.kind = Kind::grpc}).reason, "NOT_SERVING");
  serve_grpc(std::string("\0\0\0\0\2\x08\3", 7));
  EXPECT_EQ(check({.kind = Kind::grpc}).reason, "SERVICE_UNKNOWN");
  for (const std::string& content :
       {std::string("\0\0\0\0\0", 5), std::string("\1\0\0\0\2\x08\1", 7),
        std::string("\0\0\0\0\2\x10\1", 7), std::string("\0", 1)}) {
    serve_grpc(content);
    EXPECT_EQ(check({.kind = Kind::grpc}).reason, "UNKNOWN");
  }
}

// Servers without the health service send this response.
TEST_F(HealthProbeTest, ReportsTheGrpcStatusOfAResponseWithoutMessages) {
  serve([] {
    Response response(200);
    response.headers().set("Content-Type", "application/grpc");
    response.headers().set("grpc-status", "12");
    return response;
  });
  EXPECT_EQ(check({.kind = Kind::grpc}).reason, "grpc-status 12");
}

}  // namespace
}  // namespace onehop::upstream
