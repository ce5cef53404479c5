// SPDX-License-Identifier: Apache-2.0
#include "program/https_redirect.hpp"

#include <onehop/testing.hpp>

#include <gtest/gtest.h>

namespace onehop::program {
namespace {

std::string location(const std::string& host, std::string_view target, std::uint16_t port) {
  const HttpsRedirect redirect(testing::recorder(Status::ok, "secure"), port);
  auto request = testing::request("POST " + std::string(target), {{"Host", host}});
  const Response response = testing::serve(redirect, std::move(request));
  if (response.status() != Status::permanent_redirect) {
    return std::to_string(response.status().code());
  }
  return std::string(response.headers().get("Location").value_or("none"));
}

TEST(HttpsRedirect, keeps_host_path_and_query) {
  EXPECT_EQ(location("a.example", "/x/y?z=%20", 443), "https://a.example/x/y?z=%20");
  EXPECT_EQ(location("a.example:80", "/", 443), "https://a.example/");
  EXPECT_EQ(location("a.example:8080", "/", 8443), "https://a.example:8443/");
  EXPECT_EQ(location("[::1]:80", "/", 443), "https://[::1]/");
}

TEST(HttpsRedirect, goes_nowhere_without_a_host) {
  EXPECT_EQ(location("", "/", 443), "400");
}

TEST(HttpsRedirect, lets_through_what_is_secure) {
  const HttpsRedirect redirect(testing::recorder(Status::ok, "secure"), 443);
  auto request = testing::request("GET /");
  ConnectionInfo info;
  info.tls = true;
  request.set_connection(info);
  Response response = testing::serve(redirect, std::move(request));
  EXPECT_EQ(testing::text_of(response), "secure");
}

}  // namespace
}  // namespace onehop::program
