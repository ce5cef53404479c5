// SPDX-License-Identifier: Apache-2.0
//
// The framing of responses, and the result of a handler that throws or returns no final response.
#include "server/h1_exchange.hpp"

#include "support/served.hpp"
#include "support/vocabulary.hpp"

#include <stdexcept>
#include <string>

namespace onehop::server {
namespace {

using namespace test::vocabulary;
using test::pieces;

using H1ExchangeTest = test::Served;

// --- framing of responses ----------------------------------------------------------------------

TEST_F(H1ExchangeTest, ChunksABodyOfUnknownLength) {
  Wire client = connect_to_body([] { return pieces({"abc", "defg"}); });
  client.send(kGet);
  EXPECT_EQ(without_date(client.receive()),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
  EXPECT_FALSE(client.at_end());
}

TEST_F(H1ExchangeTest, SendsTrailersAfterTheLastChunk) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc"});
    body->trailers_ = {{"X-Sum", "1"}, {"X-Other", "2"}};
    return body;
  });
  client.send(kGet);
  EXPECT_THAT(client.receive(), EndsWith("3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n"));
}

TEST_F(H1ExchangeTest, EndsABodyOfUnknownLengthByClosingForHttp10) {
  Wire client = connect_to_body([] { return pieces({"abc", "def"}); });
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string answer = client.receive();
  EXPECT_EQ(body_of(answer), "abcdef");
  EXPECT_THAT(answer, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
  EXPECT_TRUE(client.at_end());
  EXPECT_FALSE(client.was_reset());
}

TEST_F(H1ExchangeTest, ClosesAfterAResponseWithConnectionClose) {
  for (const std::string_view value : {"close", "X-Other, Close"}) {
    Wire client = connect([value](Request) {
      Response response(Status::forbidden, "no");
      response.headers().set("Connection", value);
      return response;
    });
    client.send(kGet);
    const std::string answer = client.receive();
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_EQ(body_of(answer), "no");
    EXPECT_TRUE(client.at_end());
    EXPECT_FALSE(client.was_reset());
  }
}

TEST_F(H1ExchangeTest, IgnoresOtherConnectionOptionsOfAResponse) {
  Wire client = connect([](Request) {
    Response response(Status::ok, "yes");
    response.headers().set("Connection", "X-Other, closed");
    return response;
  });
  client.send(kGet);
  EXPECT_THAT(client.receive(), Not(HasSubstr("Connection")));
  EXPECT_FALSE(client.at_end());
}

TEST_F(H1ExchangeTest, SendsTheContentLengthOfABodyOfKnownLength) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc", "de"});
    body->length_ = 5;
    return body;
  });
  client.send(kGet);
  EXPECT_EQ(without_date(client.receive()), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
}

TEST_F(H1ExchangeTest, RespondsToHeadWithTheHeadOnly) {
  Wire client = connect([](Request) { return Response(Status::ok, "content"); });
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(
      without_date(client.receive()),
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 7\r\n\r\n");
  client.send(kGet);
  EXPECT_EQ(body_of(client.receive()), "content");
}

TEST_F(H1ExchangeTest, KeepsTheHandlersContentLengthForHead) {
  Wire client =
      connect([](Request) { return Response(Status::ok, Headers({{"Content-Length", "123"}})); });
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(without_date(client.receive()), "HTTP/1.1 200 OK\r\nContent-Length: 123\r\n\r\n");
  EXPECT_FALSE(client.at_end());
}

TEST_F(H1ExchangeTest, SendsNoContentWith204And304) {
  for (const int code : {204, 304}) {
    Wire client = connect([code](Request) { return Response(Status(code), "not for the wire"); });
    client.send(kGet);
    const std::string answer = client.receive();
    EXPECT_EQ(status_of(answer), code);
    EXPECT_EQ(body_of(answer), "");
    EXPECT_THAT(answer, Not(HasSubstr("Transfer-Encoding")));
    EXPECT_FALSE(client.at_end());
    client.send(kGet);
    EXPECT_EQ(status_of(client.receive()), code);
  }
}

TEST_F(H1ExchangeTest, SendsContentLengthZeroForAnEmptyResponse) {
  Wire client = connect([](Request) { return Response(Status::not_found); });
  client.send(kGet);
  EXPECT_EQ(without_date(client.receive()), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

TEST_F(H1ExchangeTest, KeepsAnExistingDate) {
  Wire client = connect(
      [](Request) { return Response(Status::ok, Headers({{"Date", "then"}}), Body::of("x")); });
  client.send(kGet);
  const std::string answer = client.receive();
  EXPECT_THAT(answer, HasSubstr("\r\nDate: then\r\n"));
  EXPECT_EQ(count_of("\r\nDate: ", answer), 1);
}

TEST_F(H1ExchangeTest, SendsAHeadLargerThanAnyBuffer) {
  Wire client = connect([](Request) {
    Response response(Status::ok, "x");
    for (int i = 0; i < 40; ++i) {
      response.headers().add("X-" + std::to_string(i), std::string(10'000, 'v'));
    }
    return response;
  });
  client.send(kGet);
  const std::string answer = client.receive();
  EXPECT_GT(answer.size(), 400'000u);
  EXPECT_EQ(count_of(std::string(10'000, 'v') + "\r\n", answer), 40);
  EXPECT_EQ(body_of(answer), "x");
}

TEST_F(H1ExchangeTest, SendsALargeBodyWhole) {
  const std::string content(3'000'000, 'z');
  Wire client = connect([&content](Request) { return Response(Status::ok, content); });
  client.send(kGet);
  EXPECT_EQ(body_of(client.receive()), content);
}

// --- handlers that fail ------------------------------------------------------------------------

TEST_F(H1ExchangeTest, RespondsToAnExceptionWith500) {
  Wire client = connect([](Request) -> Response { throw std::runtime_error("secret"); });
  client.send(kGet);
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 500);
  EXPECT_THAT(answer, Not(HasSubstr("secret")));
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::handler_failed));
  EXPECT_THAT(exchanges_.last().failure->to_string(), HasSubstr("secret"));
  EXPECT_FALSE(client.at_end());
  client.send(kGet);
  EXPECT_EQ(status_of(client.receive()), 500);
}

TEST_F(H1ExchangeTest, RespondsToAnExceptionAfterAWaitWith500) {
  Wire client = connect([](Request) -> task<Response> {
    co_await sleep_for(1s);
    throw 42;
  });
  client.send(kGet);
  EXPECT_EQ(client.receive(), "");
  network_.advance(1s);
  EXPECT_EQ(status_of(client.receive()), 500);
}

TEST_F(H1ExchangeTest, RespondsToResponseSplittingWith500) {
  Wire client = connect([](Request) {
    Response response(Status::ok);
    response.headers().add("X", "a\r\nSet-Cookie: b");
    return response;
  });
  client.send(kGet);
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 500);
  EXPECT_THAT(answer, Not(HasSubstr("Set-Cookie")));
}

TEST_F(H1ExchangeTest, RespondsToAnInformationalFinalResponseWith500) {
  Wire client = connect([](Request) { return Response(Status::early_hints); });
  client.send(kGet);
  EXPECT_EQ(status_of(client.receive()), 500);
}

TEST_F(H1ExchangeTest, RespondsToA101WithoutATunnelWith500) {
  Wire client = connect(
      [](Request) { return Response(Status::switching_protocols, Headers({{"Upgrade", "x"}})); });
  client.send(kGet);
  EXPECT_EQ(status_of(client.receive()), 500);
  EXPECT_TRUE(client.at_end());
}

}  // namespace
}  // namespace onehop::server
