// SPDX-License-Identifier: Apache-2.0
//
// The content of requests, 100 Continue, and other interim responses.
#include "server/h1_exchange.hpp"
#include "support/served.hpp"
#include "support/vocabulary.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace onehop::server {
namespace {

using namespace test::vocabulary;

using H1ExchangeRequest = test::Served;

// --- request bodies ----------------------------------------------------------------------------

TEST_F(H1ExchangeRequest, DropsASmallBodyItsHandlerIgnores) {
  Wire client = connect([](Request) { return Response(Status::ok, "done"); });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "done");
  client.send("hello");
  client.send(kGet);
  EXPECT_EQ(body_of(client.receive()), "done");
  EXPECT_FALSE(client.at_end());
}

TEST_F(H1ExchangeRequest, ClosesAfterALargeBodyItsHandlerIgnores) {
  Wire client = connect([](Request) { return Response(Status::ok, "done"); });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\nabc");
  const std::string answer = client.receive();
  EXPECT_EQ(body_of(answer), "done");
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(client.at_end());
  EXPECT_FALSE(client.was_reset());
}

TEST_F(H1ExchangeRequest, ClosesAfterAChunkedBodyItsHandlerIgnores) {
  Wire client = connect([](Request) { return Response(Status::ok, "done"); });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_THAT(client.receive(), HasSubstr("\r\nConnection: close\r\n"));
  client.send("0\r\n\r\n");
  client.send(kGet);
  EXPECT_EQ(client.receive(), "");
}

TEST_F(H1ExchangeRequest, LimitsTheWaitForAnUnreadBody) {
  Wire client = connect([](Request) { return Response(Status::ok, "done"); });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "done");
  network_.advance(6s);
  EXPECT_TRUE(client.at_end());
}

TEST_F(H1ExchangeRequest, StreamsARequestBodyIntoItsResponse) {
  Wire client = connect(
      [](Request request) { return Response(Status::ok, Headers(), std::move(request.body())); });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("3\r\nabc\r\n");
  EXPECT_THAT(client.receive(), EndsWith("\r\n\r\n3\r\nabc\r\n"));
  client.send("2\r\nde\r\n");
  EXPECT_EQ(client.receive(), "2\r\nde\r\n");
  client.send("0\r\nX-Sum: 1\r\n\r\n");
  EXPECT_EQ(client.receive(), "0\r\nX-Sum: 1\r\n\r\n");
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nxy");
  EXPECT_EQ(body_of(client.receive()), "xy");
}

TEST_F(H1ExchangeRequest, ProvidesTrailersAfterTheBodyIsRead) {
  std::string trailer;
  Wire client = connect([&trailer](Request request) -> task<Response> {
    EXPECT_TRUE(request.body().trailers().empty());
    auto content = co_await request.body().read_all(100);
    trailer = request.body().trailers().get_or_empty("X-Sum");
    co_return Response(Status::ok, content.value_or("?"));
  });
  client.send(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "a");
  EXPECT_EQ(trailer, "7");
}

TEST_F(H1ExchangeRequest, CountsAChunkedBodyAgainstItsLimit) {
  Server::Options options;
  options.max_body = 4;
  Wire client = connect(
      [](Request request) -> task<Response> {
        auto content = co_await request.body().read_all(100);
        if (content) co_return Response(Status::ok);
        co_return Response(content.error().is(Errc::body_too_large) ? Status::content_too_large
                                                                    : Status::bad_request);
      },
      std::move(options));
  client.send(
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 413);
  EXPECT_TRUE(client.at_end());
}

TEST_F(H1ExchangeRequest, FailsABrokenChunk) {
  std::optional<Error> error;
  Wire client = connect([&error](Request request) -> task<Response> {
    auto content = co_await request.body().read_all(100);
    if (!content) error = content.error();
    co_return Response(Status::bad_request);
  });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
  EXPECT_EQ(status_of(client.receive()), 400);
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->is(Errc::bad_request));
  EXPECT_EQ(error->side(), Side::client);
  EXPECT_TRUE(client.at_end());
}

TEST_F(H1ExchangeRequest, FailsABodyWhoseClientLeaves) {
  std::optional<Error> error;
  Wire client = connect([&error](Request request) -> task<Response> {
    auto content = co_await request.body().read_all(100);
    if (!content) error = content.error();
    co_return Response(Status::bad_request);
  });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  client.close_write();
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->is(Errc::client_gone));
}

// A handler may keep the body longer than the connection exists.
TEST_F(H1ExchangeRequest, FailsABodyThatOutlivesItsConnection) {
  auto kept = std::make_shared<Body>();
  Wire client = connect([kept](Request request) {
    *kept = std::move(request.body());
    return Response(Status::ok, "kept");
  });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(body_of(client.receive()), "kept");
  EXPECT_EQ(exchanges_.size(), 0u);  // the owner of the body may still read it
  network_.serve("s:80", testing::recorder(Status::ok, ""));  // replaces the server
  EXPECT_EQ(exchanges_.size(), 1u);
  const auto piece = network_.run(kept->read());
  EXPECT_FALSE(piece);
}

// Sends 300 interim responses. The server takes content only from a client that reads them, so that
// the output does not grow without limit.
Response answered_after_hints(const Request& request) {
  const Response hints(Status::early_hints, Headers({{"Link", std::string(1000, 'l')}}));
  for (int i = 0; i < 300; ++i)
    request.send_informational(hints);
  return Response(Status::ok);
}

TEST_F(H1ExchangeRequest, DelaysTheBodyUntilTheClientReads) {
  Wire client = connect([](Request request) -> task<Response> {
    Response response = answered_after_hints(request);
    auto content = co_await request.body().read_all(100);
    response.set_body(Body::of(content.value_or("?")));
    co_return response;
  });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  client.send("hello");
  std::string received;
  for (std::string piece = client.receive(); !piece.empty(); piece = client.receive())
    received += piece;
  EXPECT_THAT(received, EndsWith("\r\n\r\nhello"));
  const int hints = count_of("HTTP/1.1 103 Early Hints\r\n", received);
  EXPECT_GT(hints, 50);
  EXPECT_LT(hints, 200);
}

TEST_F(H1ExchangeRequest, FailsTheBodyIfTheClientNeverReads) {
  std::optional<Error> error;
  Wire client = connect([&error](Request request) -> task<Response> {
    Response response = answered_after_hints(request);
    auto content = co_await request.body().read_all(100);
    if (!content) error = content.error();
    co_return response;
  });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  network_.advance(59s);
  EXPECT_FALSE(error);
  network_.advance(2s);
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->is(Errc::timed_out));
  EXPECT_EQ(error->side(), Side::client);
}

// Writing to the client and reading from it have separate owners, so no two tasks wait for the same
// side of the connection.
TEST_F(H1ExchangeRequest, StartsAResponseWhileInterimResponsesAndAReadArePending) {
  auto scope = std::make_shared<std::optional<Scope>>();
  std::string content;
  Wire client = connect([scope, &content](Request request) -> task<Response> {
    Response response = answered_after_hints(request);
    scope->emplace();
    (*scope)->spawn([](Body body, std::string& into) -> task<void> {
      auto all = co_await body.read_all(100);
      into = all.value_or("?");
    }(std::move(request.body()), content));
    response.set_body(Body::of(std::string(100'000, 'r')));
    co_return response;
  });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  std::string received;
  for (std::string piece = client.receive(); !piece.empty(); piece = client.receive())
    received += piece;
  EXPECT_THAT(received, EndsWith("\r\n\r\n" + std::string(100'000, 'r')));
  EXPECT_EQ(exchanges_.size(), 0u);  // the content is still being read
  client.send("hello");
  EXPECT_EQ(content, "hello");
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
  client.send(kGet);
  EXPECT_EQ(count_of("HTTP/1.1 200 OK\r\n", client.receive()), 1);
}

// Interim responses are sent while the handler does something else.
TEST_F(H1ExchangeRequest, SendsWaitingInterimResponsesAsTheClientReads) {
  Wire client = connect([](Request request) -> task<Response> {
    Response response = answered_after_hints(request);
    co_await sleep_for(1h);
    co_return response;
  });
  client.send(kGet);
  std::string received;
  for (std::string piece = client.receive(); !piece.empty(); piece = client.receive())
    received += piece;
  EXPECT_GT(received.size(), 100'000u);
  EXPECT_THAT(received, EndsWith("\r\n\r\n"));
}

// A task that continues to read after the exchange gets an error, and does not wait for ever.
TEST_F(H1ExchangeRequest, EndsAPendingReadWhenTheConnectionEnds) {
  for (const bool response_first : {false, true}) {
    auto scope = std::make_shared<std::optional<Scope>>();
    std::optional<Error> error;
    Wire client = connect([=, &error](Request request) -> task<Response> {
      scope->emplace();
      (*scope)->spawn([](Body body, std::optional<Error>& into) -> task<void> {
        auto all = co_await body.read_all(100);
        if (!all) into = all.error();
      }(std::move(request.body()), error));
      if (!response_first) co_await sleep_for(1h);
      co_return Response(Status::ok, "early");
    });
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    client.receive();
    EXPECT_FALSE(error);
    client.reset();
    network_.advance(10s);
    ASSERT_TRUE(error) << response_first;
    EXPECT_TRUE(error->is(Errc::client_gone));
    scope->reset();
  }
}

// A piece is valid until the next read, even if the connection ends before.
TEST_F(H1ExchangeRequest, KeepsAPieceOfTheBodyValidAfterTheExchange) {
  auto scope = std::make_shared<std::optional<Scope>>();
  std::string content;
  Wire client = connect([scope, &content](Request request) -> task<Response> {
    if (request.body().is_empty()) co_return Response(Status::ok, "another");
    scope->emplace();
    (*scope)->spawn([](Body body, std::string& into) -> task<void> {
      auto piece = co_await body.read();
      co_await sleep_for(1s);
      into = piece.value_or("?");
      auto end = co_await body.read();
      into += end ? (end->empty() ? "." : "more") : "an error";
    }(std::move(request.body()), content));
    co_return Response(Status::ok, "early");
  });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(body_of(client.receive()), "early");
  client.send("GET / HTTP/1.1\r\nHost: somebody.else\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "another");
  network_.advance(2s);
  EXPECT_EQ(content, "hello.");
}

TEST_F(H1ExchangeRequest, ReclaimsABodyThatIsKeptUnread) {
  auto kept = std::make_shared<Body>();
  Wire client = connect([kept](Request request) {
    const bool has_content = !request.body().is_empty();
    if (has_content) *kept = std::move(request.body());
    return Response(Status::ok, has_content ? "early" : "another");
  });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(body_of(client.receive()), "early");
  network_.advance(59s);
  EXPECT_EQ(exchanges_.size(), 0u);
  network_.advance(2s);
  client.send("cde");
  EXPECT_EQ(exchanges_.size(), 1u);
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "another");
}

TEST_F(H1ExchangeRequest, RefusesASecondReaderOfOneBody) {
  std::optional<Error> first;
  std::optional<Error> second;
  Wire client = connect([&](Request request) -> task<Response> {
    Scope scope;
    const auto read = [](Body& body, std::optional<Error>& into) -> task<void> {
      auto piece = co_await body.read();
      if (!piece) into = piece.error();
    };
    scope.spawn(read(request.body(), first));
    scope.spawn(read(request.body(), second));
    co_await scope.join();
    co_return Response(Status::ok, "both ended");
  });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "both ended");
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->is(Errc::handler_failed));
  EXPECT_TRUE(second->is(Errc::handler_failed));
}

// --- 100-continue and other 1xx ----------------------------------------------------------------

constexpr std::string_view kExpecting =
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

TEST_F(H1ExchangeRequest, SendsContinueWhenTheBodyIsRead) {
  Wire client = connect([](Request request) -> task<Response> {
    co_await sleep_for(1s);
    auto content = co_await request.body().read_all(100);
    co_return Response(Status::ok, content.value_or("?"));
  });
  client.send(kExpecting);
  EXPECT_EQ(client.receive(), "");
  network_.advance(1s);
  EXPECT_EQ(client.receive(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(body_of(client.receive()), "hello");
  EXPECT_FALSE(client.at_end());
}

TEST_F(H1ExchangeRequest, SendsNoContinueToAClientThatDoesNotWait) {
  Wire client = connect([](Request request) -> task<Response> {
    auto content = co_await request.body().read_all(100);
    co_return Response(Status::ok, content.value_or("?"));
  });
  client.send(std::string(kExpecting) + "hello");
  EXPECT_EQ(status_of(client.receive()), 200);
}

TEST_F(H1ExchangeRequest, SendsNoContinueForARefusedBody) {
  Wire client = connect([](Request) { return Response(Status::forbidden, "no"); });
  client.send(kExpecting);
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 403);
  // The client may or may not send the body now, so only closing is safe.
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(client.at_end());
}

TEST_F(H1ExchangeRequest, SendsInformationalResponsesBeforeTheFinalOne) {
  Wire client = connect([](Request request) -> task<Response> {
    const Response hints(Status::early_hints, Headers({{"Link", "</a.css>"}, {"Connection", "x"}}));
    request.send_informational(hints);
    co_await sleep_for(1s);
    request.send_informational(Response(Status::processing));
    co_return Response(Status::ok, "done");
  });
  client.send(kGet);
  EXPECT_EQ(client.receive(), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
  network_.advance(1s);
  EXPECT_EQ(without_date(client.receive()),
            "HTTP/1.1 102 Processing\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
            "4\r\n\r\ndone");
}

TEST_F(H1ExchangeRequest, SendsNoInformationalResponsesToHttp10) {
  Wire client = connect([](Request request) {
    request.send_informational(Response(Status::early_hints));
    return Response(Status::ok, "done");
  });
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 200);
}

}  // namespace
}  // namespace onehop::server
