// SPDX-License-Identifier: Apache-2.0
//
// A proxy with a user's own director, round tripper and hooks, tested as a user would test it: in
// an in-memory network, with public headers only.
#include <onehop/onehop.hpp>
#include <onehop/testing.hpp>

#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace onehop::literals;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// --- a director --------------------------------------------------------------------------------

TEST(CustomDirector, RoutesByPathAndAddsAField) {
  const auto api = onehop::testing::recorder(onehop::Status::ok, "from api");
  const auto site = onehop::testing::recorder(onehop::Status::ok, "from site");
  onehop::testing::Network network;
  network.serve("api:80", api);
  network.serve("site:80", site);

  onehop::ReverseProxy::Options options;
  options.transport = std::make_shared<onehop::Transport>(network.transport_options());
  options.rewrite = onehop::director([](onehop::Request& out) {
    const bool is_api = out.url().path().starts_with("/api/");
    out.set_url(out.url().resolved_below(is_api ? "http://api"_url : "http://site"_url));
    out.headers().set("X-Token", "t");
  });
  network.serve("proxy:80", std::make_shared<onehop::ReverseProxy>(std::move(options)));

  auto client = network.connect("proxy:80");
  // Unlike in Go's ReverseProxy, a client cannot delete the director's fields through Connection.
  client.send("GET /api/x HTTP/1.1\r\nHost: h\r\nConnection: X-Token\r\nX-Token: forged\r\n\r\n");
  EXPECT_THAT(client.receive(), HasSubstr("from api"));
  EXPECT_EQ(api->last().headers().get_or_empty("X-Token"), "t");
  EXPECT_EQ(api->last().host(), "h");
  client.send("GET /index HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.receive(), HasSubstr("from site"));
  EXPECT_EQ(api->count(), 1u);
  EXPECT_EQ(site->count(), 1u);
}

// --- a round tripper ---------------------------------------------------------------------------

// Tries a second round tripper if the first fails.
class Failover final : public onehop::RoundTripper {
 public:
  explicit Failover(std::shared_ptr<const onehop::RoundTripper> below) : below_(std::move(below)) {}

  onehop::task<onehop::Result<onehop::Response>> round_trip(
      onehop::Request request) const override {
    onehop::Request again = request.clone_head();
    auto response = co_await below_->round_trip(std::move(request));
    if (response) co_return response;
    again.set_url(again.url().without_authority().resolved_below("http://second"_url));
    co_return co_await below_->round_trip(std::move(again));
  }

 private:
  std::shared_ptr<const onehop::RoundTripper> below_;
};

TEST(CustomRoundTripper, WrapsATransport) {
  onehop::testing::Network network;
  network.serve("second:80", onehop::testing::recorder(onehop::Status::ok, "from the second"));
  onehop::ReverseProxy::Options options;
  options.transport =
      std::make_shared<Failover>(std::make_shared<onehop::Transport>(network.transport_options()));
  options.rewrite = [](onehop::ProxyRequest& request) { request.set_url("http://first"_url); };
  network.serve("proxy:80", std::make_shared<onehop::ReverseProxy>(std::move(options)));

  auto client = network.connect("proxy:80");
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  network.advance(100ms);
  EXPECT_THAT(client.receive(), HasSubstr("from the second"));
}

TEST(CustomRoundTripper, MayBeAHandler) {
  onehop::ReverseProxy::Options options;
  options.transport = onehop::round_tripper_over(onehop::make_handler([](onehop::Request request) {
    return onehop::Response(onehop::Status::ok, "called for " + request.url().to_string());
  }));
  options.rewrite = [](onehop::ProxyRequest& request) { request.set_url("http://inside"_url); };
  const onehop::ReverseProxy proxy(std::move(options));
  onehop::Response response = onehop::testing::serve(proxy, "GET /a?b=c");
  EXPECT_EQ(onehop::testing::text_of(response), "called for /a?b=c");
}

TEST(CustomRoundTripper, MayThrow) {
  struct Throwing final : onehop::RoundTripper {
    onehop::task<onehop::Result<onehop::Response>> round_trip(onehop::Request) const override {
      throw std::runtime_error("a secret");
      co_return onehop::Response();
    }
  };
  onehop::testing::Network network;
  onehop::ReverseProxy::Options options;
  options.transport = std::make_shared<Throwing>();
  options.rewrite = [](onehop::ProxyRequest& request) { request.set_url("http://x"_url); };
  onehop::Server::Options server;
  server.log = [](onehop::LogLevel, std::string_view) {};
  network.serve("proxy:80", std::make_shared<onehop::ReverseProxy>(std::move(options)), server);
  auto client = network.connect("proxy:80");
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answer = client.receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, Not(HasSubstr("secret")));
}

// --- hooks -------------------------------------------------------------------------------------

class HooksTest : public ::testing::Test {
 protected:
  std::string ask(onehop::ReverseProxy::Options options) {
    options.transport = std::make_shared<onehop::Transport>(network_.transport_options());
    if (!options.rewrite) {
      options.rewrite = [](onehop::ProxyRequest& request) {
        request.set_url("http://backend"_url);
      };
    }
    onehop::Server::Options server;
    server.log = [](onehop::LogLevel, std::string_view) {};
    network_.serve("backend:80", onehop::testing::recorder(onehop::Status::ok, "content"));
    network_.serve("proxy:80", std::make_shared<onehop::ReverseProxy>(std::move(options)), server);
    auto client = network_.connect("proxy:80");
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    network_.advance(100ms);
    return client.receive();
  }

  onehop::testing::Network network_;
};

TEST_F(HooksTest, ModifyAResponse) {
  onehop::ReverseProxy::Options options;
  options.modify_response = [](onehop::Response& response) -> onehop::Result<void> {
    response.headers().set("X-Seen", "yes");
    response.set_body(onehop::Body::of("other content"));
    return {};
  };
  const std::string answer = ask(std::move(options));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Seen: yes\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 13\r\n"));
  EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\nother content"));
}

TEST_F(HooksTest, RefuseAResponse) {
  onehop::ReverseProxy::Options options;
  options.modify_response = [](onehop::Response&) -> onehop::Result<void> {
    return onehop::failure(onehop::Errc::bad_response, onehop::Side::upstream, "not this one");
  };
  std::string told;
  options.error_response = [&told](const onehop::Request& in, const onehop::Error& error) {
    told = std::string(in.url().target()) + ": " + error.to_string();
    return onehop::Response(onehop::Status::im_a_teapot, "sorry");
  };
  const std::string answer = ask(std::move(options));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 418 "));
  EXPECT_THAT(told, StartsWith("/: "));
  EXPECT_THAT(told, HasSubstr("not this one"));
}

TEST_F(HooksTest, RespondInPlaceOfTheUpstream) {
  onehop::ReverseProxy::Options options;
  options.rewrite = [](onehop::ProxyRequest& request) {
    request.answer(onehop::Response(onehop::Status::unauthorized, "who are you?"));
  };
  EXPECT_THAT(ask(std::move(options)), StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
}

TEST_F(HooksTest, MayThrow) {
  for (const int which : {0, 1, 2}) {
    onehop::ReverseProxy::Options options;
    if (which == 0) options.rewrite = [](onehop::ProxyRequest&) { throw std::runtime_error("r"); };
    if (which == 1) {
      options.modify_response = [](onehop::Response&) -> onehop::Result<void> { throw 1; };
    }
    if (which == 2) {
      options.rewrite = [](onehop::ProxyRequest& request) { request.set_url("http://nobody"_url); };
      options.error_response = [](const onehop::Request&,
                                  const onehop::Error&) -> onehop::Response {
        throw std::runtime_error("e");
      };
    }
    EXPECT_THAT(ask(std::move(options)), StartsWith("HTTP/1.1 500 ")) << which;
  }
}

// --- a handler around a proxy ------------------------------------------------------------------

TEST(CustomHandler, WrapsAProxy) {
  onehop::testing::Network network;
  network.serve("backend:80", onehop::testing::recorder(onehop::Status::ok, "inside"));
  onehop::ReverseProxy::Options options;
  options.transport = std::make_shared<onehop::Transport>(network.transport_options());
  options.rewrite = [](onehop::ProxyRequest& request) { request.set_url("http://backend"_url); };
  auto proxy = std::make_shared<const onehop::ReverseProxy>(std::move(options));
  network.serve(
      "front:80",
      onehop::make_handler([proxy](onehop::Request request) -> onehop::task<onehop::Response> {
        if (!request.headers().has("Authorization")) {
          co_return onehop::Response(onehop::Status::unauthorized, "no");
        }
        onehop::Response response = co_await proxy->serve(std::move(request));
        response.headers().add("X-Front", "1");
        co_return response;
      }));
  auto client = network.connect("front:80");
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 401 "));
  client.send("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: me\r\n\r\n");
  const std::string answer = client.receive();
  EXPECT_THAT(answer, HasSubstr("\r\nX-Front: 1\r\n"));
  EXPECT_THAT(answer, HasSubstr("inside"));
}

}  // namespace
