// SPDX-License-Identifier: Apache-2.0
//
// Try it: in_memory_test        (it runs the tests and says how they went)
//
// Tests of a proxy without sockets, threads or waiting. The upstream is a recorder. Where time
// matters, a whole network is in memory, with a clock that the test advances.
#include <onehop/onehop.hpp>
#include <onehop/testing.hpp>

#include <chrono>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace {

using namespace onehop::literals;

TEST(Proxy, GivesTheClientsPathToTheUpstream) {
  auto upstream = onehop::testing::recorder(onehop::Status::ok, "fine");
  onehop::ReverseProxy proxy({.rewrite = onehop::director([](onehop::Request&) {}),
                              .transport = onehop::round_tripper_over(upstream)});

  onehop::Response response = onehop::testing::serve(proxy, "GET /a?b=c");

  EXPECT_EQ(response.status(), onehop::Status::ok);
  EXPECT_EQ(onehop::testing::text_of(response), "fine");
  EXPECT_EQ(upstream->last().url().path(), "/a");
}

TEST(Proxy, DropsWhatTheClientClaimsAboutItself) {
  auto upstream = onehop::testing::recorder(onehop::Status::ok, "fine");
  onehop::ReverseProxy proxy({.rewrite = onehop::director([](onehop::Request&) {}),
                              .transport = onehop::round_tripper_over(upstream)});

  onehop::testing::serve(proxy,
                         onehop::testing::request("GET /", {{"X-Forwarded-For", "203.0.113.9"}}));

  EXPECT_NE(upstream->last().headers().get("X-Forwarded-For"), "203.0.113.9");
}

TEST(Proxy, GivesUpOnASilentUpstream) {
  onehop::testing::Network network;
  network.listen("upstream.test:80");
  onehop::Transport::Options patient = network.transport_options();
  patient.response_timeout = std::chrono::seconds(10);
  onehop::ReverseProxy::Options options;
  options.rewrite =
      onehop::director([](onehop::Request& out) { out.set_url("http://upstream.test/"_url); });
  options.transport = std::make_shared<onehop::Transport>(patient);
  network.serve("proxy.test:80", std::make_shared<onehop::ReverseProxy>(std::move(options)));

  auto client = network.connect("proxy.test:80");
  client.send("GET / HTTP/1.1\r\nHost: proxy.test\r\n\r\n");
  EXPECT_EQ(client.receive(), "");
  network.advance(std::chrono::seconds(10));

  EXPECT_TRUE(client.receive().starts_with("HTTP/1.1 504 "));
}

}  // namespace
