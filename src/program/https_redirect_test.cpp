// SPDX-License-Identifier: Apache-2.0
#include "program/https_redirect.hpp"

#include <onehop/testing.hpp>

#include "http/message_access.hpp"

#include <gtest/gtest.h>

namespace onehop::program {
namespace {

Response answer_at(std::string_view listener,
                   bool tls,
                   std::string_view host,
                   std::string_view target,
                   std::uint16_t port) {
  const auto redirects = std::make_shared<const Redirects>(
      Redirects{.listeners = {"[::]:80", "127.0.0.1:8080"}, .https_port = port});
  const HttpsRedirect redirect(testing::recorder(Status::ok, "passed on"), redirects);
  auto request = testing::request("POST " + std::string(target), {{"Host", host}});
  ConnectionInfo info;
  info.tls = tls;
  info.local = listener;
  MessageAccess::set_connection(request, info);
  return testing::serve(redirect, std::move(request));
}

std::string location(std::string_view host, std::string_view target, std::uint16_t port) {
  const Response response = answer_at("[::]:80", false, host, target, port);
  if (response.status() != Status::permanent_redirect) {
    return std::to_string(response.status().code());
  }
  return std::string(response.headers().get("Location").value_or("none"));
}

TEST(HttpsRedirect, KeepsHostPathAndQuery) {
  EXPECT_EQ(location("a.example", "/x/y?z=%20", 443), "https://a.example/x/y?z=%20");
  EXPECT_EQ(location("a.example:80", "/", 443), "https://a.example/");
  EXPECT_EQ(location("a.example:8080", "/", 8443), "https://a.example:8443/");
  EXPECT_EQ(location("[::1]:80", "/", 443), "https://[::1]/");
}

TEST(HttpsRedirect, RespondsWith400WithoutAHost) {
  EXPECT_EQ(location("", "/", 443), "400");
}

TEST(HttpsRedirect, PassesOnRequestsToOtherListeners) {
  Response secure = answer_at("[::]:443", true, "a.example", "/", 443);
  EXPECT_EQ(testing::text_of(secure), "passed on");
  Response plain = answer_at("127.0.0.1:9000", false, "a.example", "/", 443);
  EXPECT_EQ(testing::text_of(plain), "passed on");
  EXPECT_EQ(answer_at("127.0.0.1:8080", false, "a.example", "/", 443).status(),
            Status::permanent_redirect);
}

}  // namespace
}  // namespace onehop::program
