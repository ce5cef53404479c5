// SPDX-License-Identifier: Apache-2.0
#include "program/proxy_for.hpp"

#include <onehop/testing.hpp>

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::program {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Serves the proxy of a configuration between a client and a backend that records its requests.
class ProxyFor : public ::testing::Test {
 protected:
  ProxyFor() {
    configuration.backend = Url::parse("http://backend.test/base").value();
    configuration.transport = network.transport_options();
    network.serve("backend.test:80", backend);
  }

  std::string answer_to(const std::string& request) {
    network.serve("proxy.test:80", handler_for(configuration));
    auto client = network.connect("proxy.test:80");
    client.send(request);
    return client.receive();
  }
  const Headers& asked() const { return backend->last().headers(); }

  static constexpr const char* kGet = "GET /x HTTP/1.1\r\nHost: proxy.test\r\nCookie: a=1\r\n\r\n";

  onehop::testing::Network network;
  std::shared_ptr<onehop::testing::Recorder> backend =
      onehop::testing::recorder(Status::ok, "fine");
  config::Configuration configuration;
};

TEST_F(ProxyFor, KeepsTheClientsHostByDefault) {
  EXPECT_THAT(answer_to(kGet), HasSubstr("fine"));
  EXPECT_EQ(asked().get("Host"), "proxy.test");
  EXPECT_EQ(asked().get("X-Forwarded-Host"), "proxy.test");
  EXPECT_EQ(backend->last().url().path(), "/base/x");
}

TEST_F(ProxyFor, SendsTheBackendsHost) {
  configuration.host_header = "backend";
  answer_to(kGet);
  EXPECT_EQ(asked().get("Host"), "backend.test");
  EXPECT_EQ(asked().get("X-Forwarded-Host"), "proxy.test");
  EXPECT_EQ(backend->last().url().path(), "/base/x");
}

TEST_F(ProxyFor, MapsBackTheHostInRedirectsIfConfigured) {
  network.serve("backend.test:80", make_handler([](const Request&) {
                  Response response(Status::found);
                  response.headers().set("Location", "http://backend.test/base/login");
                  return response;
                }));
  configuration.host_header = "backend";
  EXPECT_THAT(answer_to(kGet), HasSubstr("Location: http://backend.test/base/login\r\n"));
  configuration.map_back_host = true;
  EXPECT_THAT(answer_to(kGet), HasSubstr("Location: http://proxy.test/base/login\r\n"));
}

TEST_F(ProxyFor, SendsAConfiguredHost) {
  configuration.host_header = "other.test";
  answer_to(kGet);
  EXPECT_EQ(asked().get("Host"), "other.test");
}

TEST_F(ProxyFor, EditsAfterTheHostWasSet) {
  configuration.host_header = "a.test";
  configuration.header_up = {*config::parse_field_edit("Host: b.test")};
  answer_to(kGet);
  EXPECT_EQ(asked().get("Host"), "b.test");
}

TEST_F(ProxyFor, EditsRequestsAndResponses) {
  configuration.header_up = {*config::parse_field_edit("X-Env: test"),
                             *config::parse_field_edit("-Cookie")};
  configuration.header_down = {*config::parse_field_edit("X-Via: onehop"),
                               *config::parse_field_edit("-Date")};
  const std::string answer = answer_to(kGet);
  EXPECT_EQ(asked().get("X-Env"), "test");
  EXPECT_FALSE(asked().has("Cookie"));
  EXPECT_EQ(asked().get("Host"), "proxy.test");
  EXPECT_THAT(answer, HasSubstr("X-Via: onehop\r\n"));
}

TEST_F(ProxyFor, ExpandsRequestPlaceholders) {
  configuration.header_up = {*config::parse_field_edit("X-Where: {host}{path}"),
                             *config::parse_field_edit("Cookie: {tls_subject}")};
  configuration.header_down = {*config::parse_field_edit("X-Asked: {method} {host}{target}"),
                               *config::parse_field_edit("-Date")};
  const std::string answer = answer_to(kGet);
  EXPECT_EQ(asked().get("X-Where"), "proxy.test/x");
  EXPECT_FALSE(asked().has("Cookie")) << "no certificate, no field, whatever the client sent";
  EXPECT_THAT(answer, HasSubstr("X-Asked: GET proxy.test/x\r\n"));
}

// CGI makes one variable of both fields, with the value of either field.
TEST_F(ProxyFor, RemovesLookalikesOfTheFieldsItSets) {
  const std::string request =
      "GET / HTTP/1.1\r\nHost: proxy.test\r\nX_User: forged\r\nx.user: forged\r\nX_Gone: forged\r\n"
      "X_Kept: theirs\r\nX_Users: theirs\r\n\r\n";
  for (const char* const value : {"X-User: ours", "X-User: {method}"}) {
    configuration.header_up = {*config::parse_field_edit(value),
                               *config::parse_field_edit("-X-Gone"),
                               *config::parse_field_edit("-X_Hyphen")};
    answer_to(request);
    EXPECT_EQ(asked().get_all("X-User").size(), 1U);
    EXPECT_NE(asked().get("X-User"), "forged");
    for (const char* const name : {"X_User", "x.user", "X_Gone"})
      EXPECT_FALSE(asked().has(name)) << name;
    EXPECT_EQ(asked().get("X_Kept"), "theirs");
    EXPECT_EQ(asked().get("X_Users"), "theirs");
  }
  // A field that a setting sets stays.
  configuration.header_up = {*config::parse_field_edit("X-User: ours"),
                             *config::parse_field_edit("X_User: too")};
  answer_to(request);
  EXPECT_EQ(asked().get("X_User"), "too");
  EXPECT_EQ(asked().get("X-User"), "ours");
}

TEST_F(ProxyFor, DoesNotEditItsOwnErrors) {
  network.listen("broken.test:80");
  configuration.backend = Url::parse("http://broken.test").value();
  configuration.header_down = {*config::parse_field_edit("X-Asked: {method}")};
  network.serve("proxy.test:80", handler_for(configuration));
  auto client = network.connect("proxy.test:80");
  client.send(kGet);
  auto upstream = network.accept("broken.test:80");
  upstream.send("no HTTP at all\r\n\r\n");
  const std::string answer = client.receive();
  EXPECT_THAT(answer, HasSubstr("502"));
  EXPECT_THAT(answer, Not(HasSubstr("X-Asked")));
}

// A route may allow more or less than the top level of the file.
TEST_F(ProxyFor, RoutesHaveTheirOwnContentLimits) {
  configuration.server.max_body = 4;
  for (const auto& [path, max] : {std::pair("/large", 6), std::pair("/small", 2)}) {
    auto route = std::make_shared<config::Configuration>(configuration);
    route->table.path = path;
    route->server.max_body = max;
    configuration.routes.push_back(route);
  }
  observe::Log log(false);
  const Instruments instruments{.log = log, .access_log = nullptr};
  Server::Options limits;
  limits.max_body = server_options(configuration, instruments).max_body;
  network.serve("proxy.test:80", handler_for(configuration), std::move(limits));
  const auto answer = [this](const std::string& path, std::size_t size) {
    auto client = network.connect("proxy.test:80");
    client.send("POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) +
                "\r\n\r\n" + std::string(size, 'x'));
    return client.receive().substr(9, 3);
  };
  EXPECT_EQ(answer("/large", 6), "200");
  EXPECT_EQ(answer("/large", 7), "413");
  EXPECT_EQ(answer("/small", 2), "200");
  EXPECT_EQ(answer("/small", 3), "413");
  EXPECT_EQ(answer("/", 4), "200");
  EXPECT_EQ(answer("/", 5), "413");
  EXPECT_EQ(backend->count(), 3U);
}

TEST_F(ProxyFor, BelievesOnlyTrustedPeers) {
  const std::string request =
      "GET / HTTP/1.1\r\nHost: proxy.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n";
  answer_to(request);
  EXPECT_THAT(asked().get_or_empty("X-Forwarded-For"), Not(HasSubstr("203.0.113.9")));
  configuration.server.trust = {"0.0.0.0/0", "::/0", "unix"};
  answer_to(request);
  EXPECT_THAT(asked().get_or_empty("X-Forwarded-For"), HasSubstr("203.0.113.9"));
}

TEST_F(ProxyFor, ForwardsAllowedForwardingFields) {
  const std::string request =
      "GET / HTTP/1.1\r\nHost: proxy.test\r\nX-Real-IP: 1\r\nX-Client-IP: 2\r\n\r\n";
  configuration.allow_fields = {"X-Client-IP"};
  answer_to(request);
  EXPECT_FALSE(asked().has("X-Real-IP"));
  EXPECT_EQ(asked().get("X-Client-IP"), "2");
}

}  // namespace
}  // namespace onehop::program
