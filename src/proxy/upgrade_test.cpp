// SPDX-License-Identifier: Apache-2.0

#include "proxy/upgrade.hpp"

#include <onehop/reverse_proxy.hpp>

#include "http/message_access.hpp"
#include "support/scripted_upstream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using literals::operator""_url;
using test::from_client;
using test::lines_of;
using test::serve;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class DeadTunnel final : public Tunnel {
 public:
  explicit DeadTunnel(bool* gone = nullptr) noexcept : gone_(gone) {}
  ~DeadTunnel() override {
    if (gone_ != nullptr) *gone_ = true;
  }
  task<Result<bytes>> read() override { co_return bytes{}; }
  task<Result<void>> write(bytes) override { co_return Result<void>(); }
  void close_write() override {}

 private:
  bool* gone_;
};

Response switching(Headers headers, bool* gone = nullptr) {
  Response response(Status::switching_protocols, std::move(headers));
  response.set_tunnel(std::make_unique<DeadTunnel>(gone));
  return response;
}

// Returns the protocol to ask the upstream for. websocket and Foo/2 are allowed.
std::string asked(Headers headers, Version version = Version::http_1_1) {
  Request request = from_client(std::move(headers));
  ConnectionInfo connection = request.connection();
  connection.version = version;
  MessageAccess::set_connection(request, connection);
  return std::string(upgrade_to_ask_for(request, {"websocket", "Foo/2"}));
}

// UP01, UP03
TEST(Upgrade, IsRequestedWhenNamedByConnection) {
  EXPECT_EQ(asked({{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}), "websocket");
  EXPECT_EQ(asked({{"Connection", "keep-alive, upgrade"}, {"Upgrade", "WebSocket"}}), "WebSocket");
  EXPECT_EQ(asked({{"Connection", "keep-alive"}, {"Connection", "UPGRADE"}, {"Upgrade", "foo/2"}}),
            "foo/2");
}

// HH10
TEST(Upgrade, IsNotRequestedWithoutConnection) {
  EXPECT_EQ(asked({{"Upgrade", "websocket"}}), "");
  EXPECT_EQ(asked({{"Connection", "keep-alive"}, {"Upgrade", "websocket"}}), "");
  EXPECT_EQ(asked({{"Connection", "upgrade"}}), "");
}

// UP02, UP05
TEST(Upgrade, IsNotRequestedForUnknownProtocols) {
  EXPECT_EQ(asked({{"Connection", "upgrade"}, {"Upgrade", "spdy/3.1"}}), "");
  EXPECT_EQ(asked({{"Connection", "upgrade"}, {"Upgrade", "foo"}}), "");
  EXPECT_EQ(asked({{"Connection", "upgrade"}, {"Upgrade", "web\xC3\xB6socket"}}), "");
  EXPECT_EQ(asked({{"Connection", "upgrade"}, {"Upgrade", ""}}), "");
}

bool dropped(Headers headers, Version version = Version::http_1_1) {
  Request request = from_client(std::move(headers));
  ConnectionInfo connection = request.connection();
  connection.version = version;
  MessageAccess::set_connection(request, connection);
  return drops_upgrade(request, upgrade_to_ask_for(request, {"websocket", "Foo/2"}));
}

TEST(Upgrade, IsDroppedIfNotAllowed) {
  EXPECT_TRUE(dropped({{"Connection", "upgrade"}, {"Upgrade", "spdy/3.1"}}));
  EXPECT_TRUE(dropped({{"Connection", "upgrade"}, {"Upgrade", "h2c, foo"}}));
  EXPECT_FALSE(dropped({{"Connection", "upgrade"}, {"Upgrade", "spdy/3.1, websocket"}}));
  EXPECT_FALSE(dropped({{"Upgrade", "spdy/3.1"}}));
  EXPECT_FALSE(dropped({{"Connection", "upgrade"}}));
  EXPECT_FALSE(dropped({{"Connection", "upgrade"}, {"Upgrade", "spdy/3.1"}}, Version::http_1_0));
}

// Clients offer h2c with any first request, and expect that the server ignores it.
TEST(Upgrade, SilentlyIgnoresH2c) {
  EXPECT_FALSE(dropped({{"Connection", "Upgrade, HTTP2-Settings"}, {"Upgrade", "h2c"}}));
  EXPECT_FALSE(dropped({{"Connection", "Upgrade, HTTP2-Settings"}, {"Upgrade", "H2C"}}));
}

// UP04
TEST(Upgrade, UsesTheFirstAllowedProtocol) {
  EXPECT_EQ(asked({{"Connection", "upgrade"}, {"Upgrade", "h2c, Foo/2, websocket"}}), "Foo/2");
  EXPECT_EQ(asked({{"Connection", "upgrade"}, {"Upgrade", "h2c"}, {"Upgrade", "websocket"}}),
            "websocket");
}

// RFC 9110 §7.8
TEST(Upgrade, IsIgnoredForHttp10) {
  EXPECT_EQ(asked({{"Connection", "upgrade"}, {"Upgrade", "websocket"}}, Version::http_1_0), "");
}

// UP07
TEST(Upgrade, IsAcceptedByTheSameToken) {
  EXPECT_TRUE(
      switches_to("websocket", switching({{"Connection", "Upgrade"}, {"Upgrade", "WebSocket"}})));
  EXPECT_FALSE(
      switches_to("websocket", switching({{"Connection", "Upgrade"}, {"Upgrade", "foo"}})));
  EXPECT_FALSE(switches_to("websocket", switching({{"Connection", "Upgrade"}})));
  EXPECT_FALSE(switches_to("websocket", switching({{"Connection", "Upgrade"}, {"Upgrade", ""}})));
  EXPECT_FALSE(switches_to("websocket",
                           switching({{"Connection", "Upgrade"}, {"Upgrade", "websocket, foo"}})));
  EXPECT_FALSE(switches_to(
      "websocket",
      switching({{"Connection", "Upgrade"}, {"Upgrade", "foo"}, {"Upgrade", "websocket"}})));
}

// UP08, UP09
TEST(Upgrade, RequiresConnectionUpgradeAndATunnel) {
  EXPECT_FALSE(switches_to("websocket", switching({{"Upgrade", "websocket"}})));
  EXPECT_FALSE(switches_to("", switching({{"Connection", "Upgrade"}, {"Upgrade", "websocket"}})));
  const Response without_tunnel(Status::switching_protocols,
                                Headers{{"Connection", "Upgrade"}, {"Upgrade", "websocket"}});
  EXPECT_FALSE(switches_to("websocket", without_tunnel));
}

// A proxy whose upstream responds as the test's script says.
class UpgradeThroughProxy : public ::testing::Test {
 protected:
  Response ask(Headers request, test::ScriptedUpstream::Script script) {
    upstream_ = test::upstream_that(std::move(script));
    const ReverseProxy proxy({.rewrite = [](ProxyRequest& r) { r.set_url("http://b"_url); },
                              .transport = upstream_,
                              .modify_response = modify_,
                              .error_response =
                                  [this](const Request& in, const Error& error) {
                                    EXPECT_TRUE(!expect_gone_ || *expect_gone_)
                                        << "the upstream is still open";
                                    error_ = error;
                                    return default_error_response(in, error);
                                  },
                              .upgrades = upgrades_});
    return serve(proxy, from_client(std::move(request)));
  }

  std::shared_ptr<const test::ScriptedUpstream> upstream_;
  std::function<Result<void>(Response&)> modify_;
  std::vector<std::string> upgrades_ = {"websocket"};
  const bool* expect_gone_ = nullptr;
  std::optional<Error> error_;
};

Headers websocket_request() {
  return {
      {"Connection", "keep-alive, Upgrade"}, {"Upgrade", "websocket"}, {"Sec-WebSocket-Key", "k"}};
}

// UP01, HH15
TEST_F(UpgradeThroughProxy, ForwardsTheRequestAndTheResponse) {
  Response response = ask(websocket_request(), [](Request&) {
    return switching({{"Connection", "Upgrade, X-Hop"},
                      {"X-Hop", "1"},
                      {"Upgrade", "WebSocket"},
                      {"Keep-Alive", "timeout=5"},
                      {"Proxy-Authenticate", "Basic"},
                      {"Sec-WebSocket-Accept", "a"}});
  });
  EXPECT_THAT(lines_of(upstream_->last().headers()),
              ::testing::AllOf(Contains("Upgrade: websocket"), Contains("Sec-WebSocket-Key: k"),
                               Not(Contains(HasSubstr("Connection")))));
  EXPECT_EQ(response.status(), Status::switching_protocols);
  EXPECT_NE(response.tunnel(), nullptr);
  EXPECT_THAT(lines_of(response.headers()),
              ElementsAre("Sec-WebSocket-Accept: a", "Upgrade: WebSocket"));
}

// UP10
TEST_F(UpgradeThroughProxy, ForwardsARefusal) {
  Response response = ask(websocket_request(), [](Request&) {
    return Response(Status::upgrade_required, Headers{{"Upgrade", "websocket"}, {"X-A", "1"}},
                    Body::of("no"));
  });
  EXPECT_EQ(response.status(), Status::upgrade_required);
  EXPECT_THAT(lines_of(response.headers()), ElementsAre("X-A: 1"));
  EXPECT_EQ(test::text_of(response.body()), "no");
}

// UP07, UP08, UP09, UP20
TEST_F(UpgradeThroughProxy, DropsAnInvalid101BeforeRespondingWith502) {
  bool gone = false;
  expect_gone_ = &gone;
  const Response response = ask(websocket_request(), [&gone](Request&) {
    return switching({{"Connection", "Upgrade"}, {"Upgrade", "foo"}}, &gone);
  });
  EXPECT_EQ(response.status(), Status::bad_gateway);
  EXPECT_EQ(response.tunnel(), nullptr);
  ASSERT_TRUE(error_);
  EXPECT_TRUE(error_->is(Errc::unexpected_upgrade));
  EXPECT_EQ(error_->side(), Side::upstream);

  gone = false;
  const Response unasked = ask({{"Host", "h"}}, [&gone](Request&) {
    return switching({{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}, &gone);
  });
  EXPECT_EQ(unasked.status(), Status::bad_gateway);
  EXPECT_TRUE(error_->is(Errc::unexpected_upgrade));
}

// UP24
TEST_F(UpgradeThroughProxy, NeverForwardsH2c) {
  upgrades_ = {"H2C", "websocket"};
  const Response response = ask({{"Connection", "Upgrade, HTTP2-Settings"},
                                 {"Upgrade", "h2c"},
                                 {"HTTP2-Settings", "AAMAAABkAAQ"}},
                                [](Request&) { return Response(Status::ok); });
  EXPECT_EQ(response.status(), Status::ok);
  const Headers& sent = upstream_->last().headers();
  EXPECT_FALSE(sent.has("Upgrade"));
  EXPECT_FALSE(sent.has("HTTP2-Settings"));
}

TEST_F(UpgradeThroughProxy, ForwardsOneTokenOfSeveral) {
  ask({{"Connection", "Upgrade"}, {"Upgrade", "h2c, websocket, foo"}},
      [](Request&) { return Response(Status::ok); });
  EXPECT_THAT(upstream_->last().headers().get_all("Upgrade"), ElementsAre("websocket"));
}

// UP11
TEST_F(UpgradeThroughProxy, LetsAHookEditThe101) {
  modify_ = [](Response& response) {
    response.headers().set("X-Seen", response.headers().get_or_empty("Upgrade"));
    return Result<void>();
  };
  const Response response = ask(websocket_request(), [](Request&) {
    return switching({{"Connection", "Upgrade"}, {"Upgrade", "websocket"}});
  });
  EXPECT_EQ(response.status(), Status::switching_protocols);
  EXPECT_EQ(response.headers().get_or_empty("X-Seen"), "websocket");
}

// UP11
TEST_F(UpgradeThroughProxy, ClosesTheTunnelWhenAHookRefusesIt) {
  bool gone = false;
  expect_gone_ = &gone;
  modify_ = [](Response&) { return failure(Errc::bad_response, Side::upstream); };
  const Response response = ask(websocket_request(), [&gone](Request&) {
    return switching({{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}, &gone);
  });
  EXPECT_EQ(response.status(), Status::bad_gateway);
  EXPECT_TRUE(gone);
}

TEST_F(UpgradeThroughProxy, ClosesTheTunnelWhenAHookMakesItAnotherStatus) {
  bool gone = false;
  modify_ = [](Response& response) {
    response.set_status(Status::forbidden);
    return Result<void>();
  };
  const Response response = ask(websocket_request(), [&gone](Request&) {
    return switching({{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}, &gone);
  });
  EXPECT_EQ(response.status(), Status::forbidden);
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace onehop
