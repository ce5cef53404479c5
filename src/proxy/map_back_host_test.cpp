// SPDX-License-Identifier: Apache-2.0
//
// ReverseProxy::Options::map_back_host: the host that is replaced, and the client's own.
#include <onehop/reverse_proxy.hpp>

#include "http/message_access.hpp"
#include "support/scripted_upstream.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using literals::operator""_url;
using test::from_client;

void with_its_host(ProxyRequest& request) {
  request.set_url("http://backend:8000"_url);
}

class MapBackHostTest : public ::testing::Test {
 protected:
  MapBackHostTest() {
    options_.rewrite = with_its_host;
    options_.map_back_host = true;
  }
  // Returns the Location that the client gets if the upstream's is `location`.
  std::string location_after(Request request, std::string location = "http://backend:8000/login") {
    options_.transport = test::upstream_that([location, this](Request& asked) {
      if (asked.record() != nullptr) asked.record()->upstream_origin = origin_;
      Response response(Status::found);
      response.headers().set("Location", location);
      return response;
    });
    const Response response = test::serve(ReverseProxy(options_), std::move(request));
    return std::string(response.headers().get_or_empty("Location"));
  }
  static Request over_tls(Headers headers) {
    ConnectionInfo connection = test::connection_from("192.0.2.7");
    connection.tls = true;
    Request request = from_client(std::move(headers));
    MessageAccess::set_connection(request, connection);
    return request;
  }

  ReverseProxy::Options options_;
  std::string origin_;  // chosen by an Upstream; "" if there is none
};

TEST_F(MapBackHostTest, MapsARedirectToTheClientsHost) {
  EXPECT_EQ(location_after(from_client({{"Host", "a.example:81"}})), "http://a.example:81/login");
  EXPECT_EQ(location_after(over_tls({{"Host", "a.example"}})), "https://a.example/login");
  EXPECT_EQ(location_after(from_client(), "http://elsewhere/"), "http://elsewhere/");
}

TEST_F(MapBackHostTest, IsOffByDefault) {
  options_.map_back_host = false;
  EXPECT_EQ(location_after(from_client()), "http://backend:8000/login");
}

TEST_F(MapBackHostTest, UsesTheHostFromATrustedPeer) {
  const Headers claims = {{"Host", "inner"},
                          {"X-Forwarded-Host", "a.example, b.example"},
                          {"X-Forwarded-Proto", "https, http"}};
  EXPECT_EQ(location_after(from_client(claims.clone())), "http://inner/login");
  options_.trust = {"192.0.2.0/24"};
  EXPECT_EQ(location_after(from_client(claims.clone())), "https://a.example/login");
  EXPECT_EQ(location_after(over_tls({{"Host", "a.example"}})), "https://a.example/login");
}

TEST_F(MapBackHostTest, IgnoresAnInvalidHostOrScheme) {
  options_.trust = {"192.0.2.0/24"};
  for (const char* host : {"a/b", "a@b", "a b", "a?b", "http://a", ""}) {
    EXPECT_EQ(location_after(from_client({{"Host", "inner"}, {"X-Forwarded-Host", host}})),
              "http://inner/login")
        << host;
  }
  EXPECT_EQ(location_after(from_client({{"Host", "a"}, {"X-Forwarded-Proto", "javascript"}})),
            "http://a/login");
  EXPECT_EQ(location_after(from_client({})), "http://backend:8000/login");
}

// Otherwise a redirect from http to https would lead back to the URL that was requested.
TEST_F(MapBackHostTest, KeepsTheClientsOwnHost) {
  options_.rewrite = [](ProxyRequest& request) {
    request.set_url("http://backend:8000"_url);
    request.keep_host();
  };
  for (const char* location : {"https://a.example/", "http://a.example/", "http://backend:8000/"}) {
    EXPECT_EQ(location_after(from_client({{"Host", "a.example"}}), location), location);
    EXPECT_EQ(location_after(over_tls({{"Host", "A.example"}}), location), location);
  }
}

TEST_F(MapBackHostTest, MapsAHostThatTheHookHasSet) {
  options_.rewrite = [](ProxyRequest& request) {
    request.set_url("http://backend:8000"_url);
    request.out().set_host("shop");
  };
  EXPECT_EQ(location_after(from_client({{"Host", "a.example"}}), "http://shop/x"),
            "http://a.example/x");
}

TEST_F(MapBackHostTest, MapsTheHostOfTheChosenEndpoint) {
  ExchangeRecord record;
  const auto request = [&record] {
    Request made = from_client({{"Host", "a.example"}});
    MessageAccess::set_record(made, &record);
    return made;
  };
  EXPECT_EQ(location_after(request()), "http://a.example/login");
  origin_ = "https://second:8443";
  EXPECT_EQ(location_after(request(), "https://second:8443/x"), "http://a.example/x");
  EXPECT_EQ(location_after(request(), "http://backend:8000/x"), "http://backend:8000/x");
}

TEST_F(MapBackHostTest, TheHookRunsLast) {
  std::string seen;
  options_.modify_response = [&seen](Response& response) {
    seen = response.headers().get_or_empty("Location");
    response.headers().set("Location", "/mine");
  };
  EXPECT_EQ(location_after(from_client({{"Host", "a.example"}})), "/mine");
  EXPECT_EQ(seen, "http://a.example/login");
}

}  // namespace
}  // namespace onehop
