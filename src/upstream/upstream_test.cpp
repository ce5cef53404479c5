// SPDX-License-Identifier: Apache-2.0
//
// Requests through an Upstream of three backends in memory: where they go if one of them fails.
#include <onehop/upstream.hpp>

#include "support/h2_frames.hpp"
#include "support/upstream_test.hpp"
#include "upstream/upstream_access.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace test::vocabulary;
using test::UpstreamTest;
using testing::Wire;
using State = Upstream::State;

TEST_F(UpstreamTest, ForwardsTheRequestToTheEndpointUnchanged) {
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  const std::string request = a.receive();
  EXPECT_THAT(request, StartsWith("GET /path?query HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Host: site\r\n"));
  EXPECT_EQ(endpoints()[0].requests, 1u);
  a.send(ok("a"));
  EXPECT_EQ(body_of(client.receive()), "a");
  EXPECT_EQ(exchanges_.last().upstream, "a:80");
  EXPECT_EQ(endpoints()[0].requests, 0u);
  EXPECT_EQ(endpoints()[0].requests_total, 1u);
}

// Regression: the request failed, although another endpoint could serve it.
TEST_F(UpstreamTest, ARequestThatAuthenticatesItsConnectionPassesOverH2cEndpoints) {
  start({.endpoints = {"h2c://a", "http://b"}});
  Wire client = this->client();
  client.send(get("Authorization: NTLM bmVnb3RpYXRl\r\n"));
  Wire b = at("b");
  EXPECT_THAT(b.receive(), StartsWith("GET "));
  b.send(ok("b"));
  EXPECT_EQ(body_of(client.receive()), "b");
  EXPECT_EQ(endpoints()[0].failures_total, 0u);
}

TEST_F(UpstreamTest, ARequestIsInProgressUntilItsContentIsDelivered) {
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  a.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  EXPECT_THAT(client.receive(), EndsWith("abc"));
  EXPECT_EQ(endpoints()[0].requests, 1u);
  a.send("def");
  EXPECT_EQ(client.receive(), "def");
  EXPECT_EQ(endpoints()[0].requests, 0u);
}

TEST_F(UpstreamTest, ATunnelIsInProgressUntilItEnds) {
  Wire client = this->client();
  client.send(get("Connection: upgrade\r\nUpgrade: websocket\r\n"));
  Wire a = at("a");
  a.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 101 "));
  EXPECT_EQ(endpoints()[0].requests, 1u);
  client.close();
  a.close();
  EXPECT_EQ(endpoints()[0].requests, 0u);
}

TEST_F(UpstreamTest, ARefusalIsHiddenFromTheClient) {
  start();
  network_.refuse("a:80");
  network_.refuse("b:80");
  Wire client = this->client();
  client.send(post("content"));
  Wire c = at("c");
  EXPECT_THAT(c.receive(), EndsWith("content"));
  c.send(ok("c"));
  EXPECT_EQ(body_of(client.receive()), "c");
  EXPECT_EQ(endpoints()[0].failures_total, 1u);
  EXPECT_EQ(endpoints()[1].failures_total, 1u);
  EXPECT_EQ(endpoints()[2].failures_total, 0u);
}

TEST_F(UpstreamTest, FiveRefusalsEjectUntilATrialSucceeds) {
  start();
  network_.refuse("a:80");
  serve("b");
  for (int i = 0; i < 7; ++i)
    EXPECT_EQ(body_of(ask(get())), "b");
  EXPECT_EQ(state(0), State::ejected);
  EXPECT_EQ(endpoints()[0].failures_total, 5u);
  network_.advance(9s - 1ns);
  EXPECT_EQ(body_of(ask(get())), "b");
  EXPECT_EQ(endpoints()[0].requests_total, 5u);
  serve("a");
  network_.advance(1s);
  EXPECT_EQ(body_of(ask(get())), "a") << "the trial";
  EXPECT_EQ(state(0), State::starting);
  network_.advance(10s);
  EXPECT_EQ(state(0), State::up);
}

TEST_F(UpstreamTest, AnEjectedEndpointThatServesIsReinstated) {
  start();
  network_.refuse("a:80");
  serve("b");
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(body_of(ask(get())), "b");
  EXPECT_EQ(state(0), State::ejected);
  update({"http://a", {Url::parse("http://b").value(), 0}});
  serve("a");
  EXPECT_EQ(body_of(ask(get())), "a");
  EXPECT_EQ(state(0), State::starting);
}

// A reset on a new connection: a GET may be repeated, a POST may have been served.
TEST_F(UpstreamTest, RetriesOnlyRepeatableRequestsAfterAReset) {
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  EXPECT_FALSE(a.receive().empty());
  a.reset();
  Wire b = at("b");
  EXPECT_THAT(b.receive(), StartsWith("GET /path?query "));
  b.send(ok("b"));
  EXPECT_EQ(body_of(client.receive()), "b");
  EXPECT_EQ(exchanges_.last().attempts, 2);

  client.send(post("content"));
  Wire again = at("a");
  EXPECT_FALSE(again.receive().empty());
  again.reset();
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 502 "));
  EXPECT_FALSE(has_connection("b"));
}

// Regression: clients lost their backend when a connection had been idle for too long.
TEST_F(UpstreamTest, AStaleIdleConnectionDoesNotMoveTheClient) {
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  a.send(ok("a"));
  EXPECT_EQ(body_of(client.receive()), "a");
  client.send(get());
  a.close();
  Wire again = at("a");
  EXPECT_THAT(again.receive(), StartsWith("GET "));
  EXPECT_EQ(endpoints()[0].requests, 1u);
  again.reset();
  Wire b = at("b");
  b.send(ok("b"));
  EXPECT_EQ(body_of(client.receive()), "b") << "a new connection fails for reasons of its own";
  EXPECT_EQ(endpoints()[0].failures_total, 1u);
  EXPECT_EQ(endpoints()[0].requests, 0u);
}

// Regression: the request failed although the third endpoint had not been tried.
TEST_F(UpstreamTest, TheLastAttemptGoesToAnEndpointThatHasNotFailed) {
  start({}, {.response_timeout = 1s});
  Wire client = this->client();
  client.send(get());
  const Wire slow = at("a");
  network_.advance(1s);
  Wire b = at("b");
  b.send(ok("b"));
  EXPECT_EQ(body_of(client.receive()), "b");
  client.send(get());
  network_.advance(1s);
  b.close();
  Wire c = at("c");
  c.send(ok("c"));
  EXPECT_EQ(body_of(client.receive()), "c");
}

// Regression: a failure on a shared connection never counted against the endpoint.
TEST_F(UpstreamTest, AnEndpointWithoutHttp2IsEjected) {
  start({.endpoints = {"h2c://a", "h2c://b"}});
  serve("b");
  for (int i = 0; i < 5; ++i) {
    Wire client = this->client();
    client.send(get());
    at("a").send("HTTP/1.1 400 Bad Request\r\n\r\n");
    EXPECT_EQ(body_of(client.receive()), "b");
    network_.advance(200ms);
  }
  EXPECT_EQ(state(0), State::ejected);
}

// Otherwise clients could eject it.
TEST_F(UpstreamTest, AnEndpointWithoutHttp2TunnelsIsNotAtFault) {
  start({.endpoints = {"h2c://a", "h2c://b"}});
  Wire client = this->client();
  client.send(get("Connection: upgrade\r\nUpgrade: websocket\r\n"));
  Wire a = at("a");
  a.send(h2_frames::frame(h2_frames::settings, 0, 0));
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::unexpected_upgrade));
  EXPECT_EQ(endpoints()[0].failures_total, 0u);
}

TEST_F(UpstreamTest, AResetIsAFailureUnlessItIsACancellation) {
  using namespace h2_frames;  // NOLINT(google-build-using-namespace)
  start({.endpoints = {"h2c://a"}});
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  constexpr std::uint64_t kInternalError = 2;
  constexpr std::uint64_t kCancel = 8;
  a.send(frame(settings, 0, 0) + frame(rst_stream, 0, 1, number(kCancel, 4)));
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(endpoints()[0].failures_total, 0u);
  client.send(get());
  a.send(frame(rst_stream, 0, 3, number(kInternalError, 4)));
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(endpoints()[0].failures_total, 1u);
}

TEST_F(UpstreamTest, AnHttp2TimeoutIsRetriedOnAnotherEndpoint) {
  start({.endpoints = {"h2c://a", "h2c://b"}}, {.response_timeout = 1s});
  serve("b");
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  network_.advance(1s);
  EXPECT_EQ(body_of(client.receive()), "b");
}

// Regression: the endpoint used up the time for all endpoints.
TEST_F(UpstreamTest, AStalledHandshakeDoesNotFailTheRequest) {
  start({.endpoints = {"https://a", "http://b"}});
  network_.listen("a:443");
  serve("b");
  Wire client = this->client();
  client.send(post("content"));
  Wire a = network_.accept("a:443");
  network_.advance(5s);
  EXPECT_EQ(body_of(client.receive()), "b");
  EXPECT_EQ(endpoints()[0].failures_total, 1u);
}

TEST_F(UpstreamTest, ContentIsResentToAnotherEndpoint) {
  Wire client = this->client();
  client.send("PUT / HTTP/1.1\r\nHost: site\r\nContent-Length: 7\r\n\r\ncontent");
  Wire a = at("a");
  EXPECT_THAT(a.receive(), EndsWith("content"));
  a.close();
  Wire b = at("b");
  EXPECT_THAT(b.receive(), EndsWith("\r\n\r\ncontent"));
  b.send(ok("b"));
  EXPECT_EQ(body_of(client.receive()), "b");
}

TEST_F(UpstreamTest, ATimeoutIsRetriedOnceOnAnotherEndpoint) {
  start({.max_attempts = 2}, {.response_timeout = 1s});
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  network_.advance(1s);
  Wire b = at("b");
  EXPECT_THAT(b.receive(), StartsWith("GET "));
  network_.advance(1s);
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 504 "));
  EXPECT_FALSE(has_connection("c"));
}

TEST_F(UpstreamTest, DoesNotRetryAfterTheResponseHasBegun) {
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  a.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  a.close();
  EXPECT_THAT(client.receive(), EndsWith("abc"));
  EXPECT_FALSE(has_connection("b"));
}

TEST_F(UpstreamTest, RetriesConfiguredStatusesOnAnotherEndpoint) {
  start({.failure_statuses = {503}, .retry_statuses = {503}});
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  a.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  Wire b = at("b");
  b.send("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 500 "));
  EXPECT_EQ(endpoints()[0].failures_total, 1u);
  EXPECT_EQ(endpoints()[0].last_failure, "status 503");
  EXPECT_EQ(endpoints()[1].failures_total, 0u);

  client.send(post("content"));
  a.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 503 ")) << "a POST may have been served";
}

// Regression: the times and the address of an earlier attempt were taken for those of the last one.
TEST_F(UpstreamTest, TheRecordDescribesTheLastAttempt) {
  start({.endpoints = {"http://a", "http://b"}, .retry_statuses = {503}}, {.response_timeout = 5s});
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  a.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  Wire b = at("b");
  network_.advance(5s);
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 504 "));
  const Time never{};
  EXPECT_NE(exchanges_.last().request_sent, never);
  EXPECT_EQ(exchanges_.last().response_began, never);

  client.send(get());
  network_.refuse("a:80");
  network_.refuse("b:80");
  a.reset();
  network_.advance(50ms);
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(exchanges_.last().upstream, "");
  EXPECT_EQ(exchanges_.last().upstream_chosen, never);
  EXPECT_EQ(exchanges_.last().request_sent, never);
}

TEST_F(UpstreamTest, CountsRequestsThatAStatusSendsAgain) {
  start({.retry_statuses = {503}});
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  a.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  Wire b = at("b");
  b.send(ok("b"));
  EXPECT_EQ(body_of(client.receive()), "b");
  EXPECT_EQ(transport_->statistics().retried, 1u);
  EXPECT_EQ(transport_->statistics().retried_uncertain, 1u);

  client.send(post("content"));
  a.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(transport_->statistics().retried, 1u) << "it was not sent again";
}

// Regression: the time until the response counted against connect_timeout.
TEST_F(UpstreamTest, ASlowStatusLeavesOtherEndpointsTheirTimeToConnect) {
  start({.endpoints = {"http://a", "http://b", "http://c", "http://d"},
         .retry_statuses = {503},
         .max_attempts = 4},
        {.connect_timeout = 1s});
  network_.refuse("b:80");
  network_.refuse("c:80");
  serve("d");
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  network_.advance(2s);
  a.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "d");
}

// The client gets the response of the last endpoint that was tried.
TEST_F(UpstreamTest, TheClientGetsTheResponseOfTheLastEndpoint) {
  start({.retry_statuses = {503}});
  Wire client = this->client();
  client.send(get());
  for (const char* name : {"a", "b", "c"}) {
    Wire wire = at(name);
    wire.send("HTTP/1.1 503 From " + std::string(name) + "\r\nContent-Length: 1\r\n\r\n" + name);
  }
  EXPECT_EQ(body_of(client.receive()), "c");
}

TEST_F(UpstreamTest, RetriesOnceIfAllEndpointsRefuse) {
  start();
  for (const char* name : {"a:80", "b:80", "c:80"})
    network_.refuse(name);
  Wire client = this->client();
  client.send(get());
  EXPECT_EQ(client.receive(), "");
  serve("b");
  network_.advance(50ms);
  EXPECT_EQ(body_of(client.receive()), "b");

  network_.refuse("b:80");
  client.send(get());
  network_.advance(50ms);
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 502 "));
}

TEST_F(UpstreamTest, HoldWaitsOnlyIfAllEndpointsRefuse) {
  start({}, {.hold = 10s});
  network_.refuse("a:80");
  serve("b");
  EXPECT_EQ(body_of(ask(get())), "b") << "at once";
  network_.refuse("b:80");
  network_.refuse("c:80");
  Wire client = this->client();
  client.send(get());
  network_.advance(9s);
  EXPECT_EQ(client.receive(), "");
  serve("c");
  network_.advance(200ms);
  EXPECT_EQ(body_of(client.receive()), "c");
}

TEST_F(UpstreamTest, RespondsWith503WithoutEndpoints) {
  start();
  update({});
  EXPECT_THAT(ask(get()), StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::no_endpoint));
}

TEST_F(UpstreamTest, AnUpdateDoesNotAffectRequestsInProgress) {
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  update({"http://b"});
  ASSERT_EQ(endpoints().size(), 2u);
  EXPECT_EQ(endpoints()[1].state, State::draining);
  serve("b");
  EXPECT_EQ(body_of(ask(get())), "b");
  a.send(ok("a"));
  EXPECT_EQ(body_of(client.receive()), "a");
  EXPECT_EQ(endpoints().size(), 1u);
}

TEST_F(UpstreamTest, AnUpdateClosesConnectionsToRemovedEndpoints) {
  start({}, {.pool_idle_timeout = 1h});
  Wire client = this->client();
  client.send(get());
  Wire idle = at("a");
  idle.send(ok("a"));
  EXPECT_EQ(body_of(client.receive()), "a");
  client.send(get());
  Wire other = this->client();
  other.send(get());
  Wire used = at("a");
  idle.send(ok("a"));
  EXPECT_EQ(body_of(client.receive()), "a");
  EXPECT_FALSE(idle.receive().empty());
  EXPECT_FALSE(used.receive().empty());
  EXPECT_FALSE(idle.at_end());
  update({"http://b", "http://c"});
  EXPECT_TRUE(idle.at_end());
  EXPECT_FALSE(used.at_end());
  used.send(ok("a"));
  EXPECT_EQ(body_of(other.receive()), "a");
  EXPECT_TRUE(used.at_end());
}

TEST_F(UpstreamTest, AnUpdateKeepsConnectionsToRemainingEndpoints) {
  start({}, {.pool_idle_timeout = 1h});
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  EXPECT_FALSE(a.receive().empty());
  a.send(ok("a"));
  EXPECT_EQ(body_of(client.receive()), "a");
  update({"http://b", "http://a"});
  EXPECT_FALSE(a.at_end());
  update({"http://A", "http://b"});
  client.send(get());
  EXPECT_FALSE(a.receive().empty());
}

// A request in progress may last as long as a tunnel.
TEST_F(UpstreamTest, AReplacedUpstreamKeepsNoIdleConnections) {
  start({}, {.pool_idle_timeout = 1h});
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  EXPECT_FALSE(a.receive().empty());
  a.send(ok("a"));
  EXPECT_EQ(body_of(client.receive()), "a");
  client.send(get());
  EXPECT_FALSE(a.receive().empty());
  detail::UpstreamAccess::retire(*upstream_);
  update({"http://a"});
  EXPECT_FALSE(a.at_end());
  a.send(ok("a"));
  EXPECT_EQ(body_of(client.receive()), "a");
  EXPECT_TRUE(a.at_end());
}

TEST_F(UpstreamTest, AnotherUpstreamOnTheSameTransportKeepsConnections) {
  start({}, {.pool_idle_timeout = 1h});
  auto other = std::make_unique<Upstream>(
      Upstream::Options{.endpoints = {"http://a"}, .transport = transport_});
  Wire client = this->client();
  client.send(get());
  Wire a = at("a");
  EXPECT_FALSE(a.receive().empty());
  a.send(ok("a"));
  EXPECT_EQ(body_of(client.receive()), "a");
  update({"http://b"});
  EXPECT_FALSE(a.at_end());
  other.reset();
  network_.advance(1ms);
  EXPECT_TRUE(a.at_end());
}

TEST_F(UpstreamTest, SendsTheHostOfTheEndpointIfConfigured) {
  start({.endpoints = {"http://a", "http://b"}, .host_of_endpoint = true});
  network_.refuse("a:80");
  Wire client = this->client();
  client.send(get());
  EXPECT_THAT(at("b").receive(), HasSubstr("Host: b\r\n"));
}

TEST_F(UpstreamTest, TheProxyMapsBackTheHostOfTheEndpoint) {
  start({.endpoints = {"http://a", "http://b"}, .host_of_endpoint = true});
  network_.serve("proxy:80",
                 std::make_shared<ReverseProxy>(ReverseProxy::Options{
                     .rewrite = to_upstream(), .transport = upstream_, .map_back_host = true}));
  network_.refuse("a:80");
  network_.serve("b:80", make_handler([](const Request&) {
                   Response response(Status::found);
                   response.headers().set("Location", "http://b/login");
                   return response;
                 }));
  EXPECT_THAT(ask(get()), HasSubstr("Location: http://site/login\r\n"));
}

TEST_F(UpstreamTest, RefusesInvalidEndpoints) {
  EXPECT_THROW(Upstream({.endpoints = {"a:80"}}), std::invalid_argument);
  EXPECT_THROW(Upstream({.endpoints = {"http://a/path"}}), std::invalid_argument);
  EXPECT_THROW(upstream_reverse_proxy(nullptr), std::invalid_argument);
}

}  // namespace
}  // namespace onehop
