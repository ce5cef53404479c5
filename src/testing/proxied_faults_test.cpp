// SPDX-License-Identifier: Apache-2.0
//
// The response that the client gets if the backend or the client fails, or a timeout passes.
#include "support/proxied.hpp"
#include "support/vocabulary.hpp"

#include <string>

namespace onehop {
namespace {

using namespace test::vocabulary;

using ProxiedFaults = test::Proxied;

// --- truncated responses -----------------------------------------------------------------------

struct Truncation {
  const char* name;
  const char* answer;
  const char* received;  // the content that the client gets, with its framing
  bool reset = false;    // whether the backend ends with a reset
};
class ProxiedTruncation : public test::Proxied, public ::testing::WithParamInterface<Truncation> {};

TEST_P(ProxiedTruncation, NeverLooksComplete) {
  Wire client = this->client();
  client.send(get() + get());
  Wire backend = this->backend();
  backend.send(GetParam().answer);
  if (GetParam().reset) {
    backend.reset();
  } else {
    backend.close();
  }
  const std::string answer = client.receive();
  EXPECT_EQ(body_of(answer), GetParam().received);
  EXPECT_TRUE(client.at_end());
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
  ASSERT_TRUE(exchanges_.last().failure);
  EXPECT_EQ(exchanges_.last().failure->side(), Side::upstream);
  EXPECT_EQ(exchanges_.last().failure->phase(), Phase::receive);
}

INSTANTIATE_TEST_SUITE_P(
    All,
    ProxiedTruncation,
    ::testing::Values(
        Truncation{"Length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "abc"},
        Truncation{"Chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                   "3\r\nabc\r\n"},
        Truncation{"BeforeTheEndOfTrailers",
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n",
                   "3\r\nabc\r\n"},
        Truncation{"BrokenChunk",
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
                   "3\r\nabc\r\n"},
        Truncation{"ResetLength", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "abc", true},
        Truncation{"ResetUntilClose", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc",
                   "3\r\nabc\r\n", true}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(ProxiedFaults, ResetAnHttp10ClientOnATruncatedResponse) {
  Wire client = this->client();
  client.send("GET / HTTP/1.0\r\n\r\n");
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  backend.close();
  EXPECT_EQ(body_of(client.receive()), "abc");
  EXPECT_TRUE(client.was_reset());
}

// --- invalid responses -------------------------------------------------------------------------

struct BadAnswer {
  const char* name;
  const char* answer;
};
class ProxiedBadAnswer : public test::Proxied, public ::testing::WithParamInterface<BadAnswer> {};

TEST_P(ProxiedBadAnswer, Is502) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send(GetParam().answer);
  backend.close();
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 502) << answer;
  EXPECT_FALSE(body_of(answer).empty());
  EXPECT_THAT(answer, Not(HasSubstr("backend")));
  EXPECT_FALSE(client.at_end());
  ASSERT_TRUE(exchanges_.last().failure);
  EXPECT_EQ(exchanges_.last().failure->side(), Side::upstream);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
}

INSTANTIATE_TEST_SUITE_P(
    All,
    ProxiedBadAnswer,
    ::testing::Values(BadAnswer{"Nothing", ""},
                      BadAnswer{"Garbage", "SSH-2.0-OpenSSH\r\n\r\n"},
                      BadAnswer{"HalfAHead", "HTTP/1.1 200 OK\r\nContent-"},
                      BadAnswer{
                          "TwoLengths",
                          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
                      BadAnswer{"BadLength", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab"},
                      BadAnswer{"UnaskedSwitch",
                                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                                "Upgrade: websocket\r\n\r\n"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(ProxiedFaults, RespondWith502AfterAnInformationalResponse) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send("HTTP/1.1 103 Early Hints\r\n\r\n");
  backend.close();
  const std::string answer = client.receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 502 "));
}

TEST_F(ProxiedFaults, RespondWith502WhenTheBackendIsUnreachable) {
  ReverseProxy::Options proxy;
  Transport::Options transport = network_.transport_options();
  proxy.transport = std::make_shared<Transport>(transport);
  proxy.rewrite = [](ProxyRequest& request) {
    request.set_url(Url::parse("http://nobody").value());
  };
  network_.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(proxy)),
                 exchanges_.options());
  Wire client = network_.connect("proxy:80");
  client.send(get());
  network_.advance(100ms);  // it is retried once
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_EQ(exchanges_.last().failure->phase(), Phase::connect);
  EXPECT_EQ(exchanges_.last().failure->code(), std::errc::connection_refused);
}

TEST_F(ProxiedFaults, RejectAHeadThatIsTooLarge) {
  Transport::Options transport;
  transport.max_response_header_bytes = 1000;
  start(transport);
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x') + "\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::response_head_too_large));
}

// --- time --------------------------------------------------------------------------------------

TEST_F(ProxiedFaults, RespondWith504WhenTheBackendIsTooSlow) {
  Transport::Options transport;
  transport.response_timeout = 10s;
  start(transport);
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  network_.advance(9s);
  EXPECT_EQ(client.receive(), "");
  network_.advance(2s);
  EXPECT_EQ(status_of(client.receive()), 504);
  backend.receive();
  EXPECT_TRUE(backend.at_end());
  EXPECT_EQ(exchanges_.last().failure->phase(), Phase::wait);
  EXPECT_EQ(exchanges_.last().attempts, 1);
}

TEST_F(ProxiedFaults, MeasureTheResponseFromTheEndOfTheRequest) {
  Transport::Options transport;
  transport.response_timeout = 10s;
  start(transport);
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
  for (int i = 0; i < 4; ++i) {
    network_.advance(6s);
    client.send("a");
  }
  Wire backend = this->backend();
  network_.advance(9s);
  EXPECT_EQ(client.receive(), "");
  backend.send(ok("in time"));
  EXPECT_EQ(body_of(client.receive()), "in time");
}

TEST_F(ProxiedFaults, AbortAStalledResponse) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  network_.advance(4min);
  backend.send("d");
  network_.advance(4min);
  EXPECT_FALSE(client.at_end());
  network_.advance(2min);
  EXPECT_EQ(body_of(client.receive()), "abcd");
  EXPECT_TRUE(client.at_end());
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::timed_out));
}

TEST_F(ProxiedFaults, AllowSilentEventStreams) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
  network_.advance(24h);
  backend.send("data: x\n\n");
  EXPECT_THAT(client.receive(), EndsWith("\r\n9\r\ndata: x\n\n\r\n"));
}

// The client stops in the middle of its request. That is not the backend's fault.
TEST_F(ProxiedFaults, RespondWith408WhenTheRequestStalls) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
  Wire backend = this->backend();
  network_.advance(61s);
  EXPECT_EQ(status_of(client.receive()), 408);
  EXPECT_TRUE(client.at_end());
  backend.receive();
  EXPECT_TRUE(backend.at_end());
  EXPECT_EQ(exchanges_.last().failure->side(), Side::client);
}

// response_timeout concerns the backend, which is not late while it waits for the client's content.
TEST_F(ProxiedFaults, RespondWith408WhenTheRequestStallsPastTheResponseTimeout) {
  Transport::Options transport;
  transport.response_timeout = 10s;
  start(transport);
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
  const Wire backend = this->backend();
  network_.advance(59s);
  EXPECT_EQ(client.receive(), "");
  network_.advance(2s);
  EXPECT_EQ(status_of(client.receive()), 408);
  EXPECT_EQ(exchanges_.last().failure->side(), Side::client);
}

TEST_F(ProxiedFaults, MeasureTheResponseFromTheEndOfAPausedRequest) {
  Transport::Options transport;
  transport.response_timeout = 10s;
  start(transport);
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
  const Wire backend = this->backend();
  network_.advance(45s);
  client.send("abcd");
  network_.advance(9s);
  EXPECT_EQ(client.receive(), "");
  network_.advance(2s);
  EXPECT_EQ(status_of(client.receive()), 504);
}

// A stream without a length may pause once it has begun, whatever its media type.
TEST_F(ProxiedFaults, AllowAResponseWithoutALengthToPause) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  network_.advance(24h);
  backend.send("3\r\ndef\r\n0\r\n\r\n");
  EXPECT_THAT(client.receive(), EndsWith("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
}

TEST_F(ProxiedFaults, AbortAResponseWithoutALengthThatDoesNotBegin) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  network_.advance(6min);
  client.receive();
  EXPECT_TRUE(client.at_end());
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::timed_out));
}

// A call that streams both ways. body_timeout is for stalled uploads that the backend awaits.
TEST_F(ProxiedFaults, AllowASilentClientWhileTheBackendResponds) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  network_.advance(24h);
  client.send("1\r\nb\r\n");
  EXPECT_THAT(backend.receive(), EndsWith("1\r\nb\r\n"));
  network_.advance(24h);
  backend.send("3\r\ndef\r\n");
  EXPECT_THAT(client.receive(), EndsWith("3\r\nabc\r\n3\r\ndef\r\n"));
  EXPECT_EQ(exchanges_.size(), 0u);
  // The response is complete, so only the client's content remains.
  backend.send("0\r\n\r\n");
  network_.advance(59s);
  EXPECT_EQ(exchanges_.size(), 0u);
  network_.advance(2s);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
}

TEST_F(ProxiedFaults, RespondWith400ToABrokenChunkAndCloseTheBackend) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  Wire backend = this->backend();
  client.send("nonsense\r\n");
  EXPECT_EQ(status_of(client.receive()), 400);
  EXPECT_THAT(backend.receive(), EndsWith("3\r\nabc\r\n"));
  EXPECT_TRUE(backend.at_end());
}

TEST_F(ProxiedFaults, RespondWith413ToABodyThatGrowsTooLarge) {
  Server::Options server;
  server.max_body = 4;
  start({}, std::move(server));
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  Wire backend = this->backend();
  client.send("3\r\ndef\r\n");
  EXPECT_EQ(status_of(client.receive()), 413);
  EXPECT_THAT(backend.receive(), Not(HasSubstr("def")));
  EXPECT_TRUE(backend.at_end());
}

// --- clients that leave ------------------------------------------------------------------------

TEST_F(ProxiedFaults, CancelTheBackendWhenTheClientLeavesBeforeTheResponse) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  client.close();
  backend.receive();
  EXPECT_TRUE(backend.at_end());
  EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
  EXPECT_EQ(exchanges_.last().failure->side(), Side::client);
  EXPECT_EQ(transport_->statistics().open, 0u);
}

TEST_F(ProxiedFaults, CancelTheBackendWhenTheClientLeavesDuringTheResponse) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  EXPECT_EQ(body_of(client.receive()), "abc");
  client.close();
  backend.receive();
  EXPECT_TRUE(backend.at_end());
  EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
}

TEST_F(ProxiedFaults, AbortTheRequestWhenTheClientLeavesDuringTheUpload) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  Wire backend = this->backend();
  client.close();
  const std::string request = backend.receive();
  EXPECT_THAT(request, EndsWith("3\r\nabc\r\n"));
  EXPECT_TRUE(backend.at_end());
  EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
}

}  // namespace
}  // namespace onehop
