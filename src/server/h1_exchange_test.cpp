// SPDX-License-Identifier: Apache-2.0
#include "server/h1_exchange.hpp"

#include <onehop/scope.hpp>
#include <onehop/testing.hpp>

#include "support/messages.hpp"

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using test::body_of;
using test::count_of;
using test::status_of;
using test::without_date;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::Network;
using ::testing::Not;
using ::testing::StartsWith;
using testing::Wire;

// Pieces, then the end or an error; its length is not known unless given.
class Pieces final : public BodySource {
 public:
  explicit Pieces(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

  task<Result<bytes>> read() override {
    if (pause_ > 0s) co_await sleep_for(pause_);
    if (next_ < pieces_.size()) co_return bytes(pieces_[next_++]);
    if (throws_) throw std::runtime_error("no more of this");
    if (fails_) co_return failure(Errc::truncated, Side::upstream);
    co_return bytes();
  }
  std::optional<std::uint64_t> length() const override { return length_; }
  const Headers& trailers() const override { return trailers_; }

  std::vector<std::string> pieces_;
  std::optional<std::uint64_t> length_;
  Headers trailers_;
  std::chrono::seconds pause_{0};
  bool fails_ = false;
  bool throws_ = false;

 private:
  std::size_t next_ = 0;
};

std::unique_ptr<Pieces> pieces(std::vector<std::string> list) {
  return std::make_unique<Pieces>(std::move(list));
}

class H1ExchangeTest : public ::testing::Test {
 protected:
  template <class Function>
  Wire connect(Function handler, Server::Options options = {}) {
    network_.serve("s:80", make_handler(std::move(handler)), exchanges_.watch(std::move(options)));
    return network_.connect("s:80");
  }
  // A handler that gives one body, made by `make`.
  Wire connect_to_body(std::function<std::unique_ptr<BodySource>()> make) {
    return connect([make](Request) { return Response(Status::ok, Headers(), Body::from(make())); });
  }

  static constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

  test::ExchangeLog exchanges_;
  Network network_;
};

// --- framing of answers ------------------------------------------------------------------------

TEST_F(H1ExchangeTest, ChunksWhatHasNoLength) {
  Wire client = connect_to_body([] { return pieces({"abc", "defg"}); });
  client.send(kGet);
  EXPECT_EQ(without_date(client.receive()),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
  EXPECT_FALSE(client.at_end());
}

TEST_F(H1ExchangeTest, SendsTrailersBehindTheLastChunk) {
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

TEST_F(H1ExchangeTest, SaysTheLengthOfABodyThatHasOne) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc", "de"});
    body->length_ = 5;
    return body;
  });
  client.send(kGet);
  EXPECT_EQ(without_date(client.receive()), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
}

TEST_F(H1ExchangeTest, AnswersHeadWithTheHeadOnly) {
  Wire client = connect([](Request) { return Response(Status::ok, "content"); });
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(without_date(client.receive()), "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
  client.send(kGet);
  EXPECT_EQ(body_of(client.receive()), "content");
}

TEST_F(H1ExchangeTest, KeepsTheLengthAHandlerGivesToHead) {
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

TEST_F(H1ExchangeTest, SaysThatAnEmptyAnswerIsEmpty) {
  Wire client = connect([](Request) { return Response(Status::not_found); });
  client.send(kGet);
  EXPECT_EQ(without_date(client.receive()), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

TEST_F(H1ExchangeTest, KeepsADateThatIsThere) {
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

// --- bodies that break off ---------------------------------------------------------------------

TEST_F(H1ExchangeTest, AbortsAChunkedAnswerThatFails) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc"});
    body->fails_ = true;
    return body;
  });
  client.send(kGet);
  const std::string answer = client.receive();
  EXPECT_THAT(answer, EndsWith("3\r\nabc\r\n"));
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::truncated));
}

TEST_F(H1ExchangeTest, AbortsAnAnswerOfKnownLengthThatFails) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc"});
    body->length_ = 5;
    body->fails_ = true;
    return body;
  });
  client.send(kGet);
  EXPECT_EQ(body_of(client.receive()), "abc");
  EXPECT_TRUE(client.at_end());
}

// Nothing but a reset tells the two apart.
TEST_F(H1ExchangeTest, ResetsACloseDelimitedAnswerThatFails) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc"});
    body->fails_ = true;
    return body;
  });
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "abc");
  EXPECT_TRUE(client.was_reset());
}

TEST_F(H1ExchangeTest, AbortsWhenABodyThrows) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc"});
    body->throws_ = true;
    return body;
  });
  client.send(kGet);
  EXPECT_THAT(client.receive(), EndsWith("3\r\nabc\r\n"));
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::handler_failed));
}

// The framing was promised: less, or more, than that must not look like a complete answer.
TEST_F(H1ExchangeTest, AbortsABodyShorterThanItSaid) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc"});
    body->length_ = 5;
    return body;
  });
  client.send(std::string(kGet) + std::string(kGet));
  const std::string answer = client.receive();
  EXPECT_EQ(body_of(answer), "abc");
  EXPECT_TRUE(client.at_end());
}

TEST_F(H1ExchangeTest, SendsNoMoreThanABodySaid) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc", "defghi"});
    body->length_ = 5;
    return body;
  });
  client.send(kGet);
  EXPECT_LE(body_of(client.receive()).size(), 5u);
  EXPECT_TRUE(client.at_end());
}

// --- handlers that fail ------------------------------------------------------------------------

TEST_F(H1ExchangeTest, AnswersAnExceptionWith500) {
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

TEST_F(H1ExchangeTest, AnswersAnExceptionAfterAWaitWith500) {
  Wire client = connect([](Request) -> task<Response> {
    co_await sleep_for(1s);
    throw 42;
  });
  client.send(kGet);
  EXPECT_EQ(client.receive(), "");
  network_.advance(1s);
  EXPECT_EQ(status_of(client.receive()), 500);
}

TEST_F(H1ExchangeTest, AnswersASplitFieldWith500) {
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

TEST_F(H1ExchangeTest, AnswersAnInformationalFinalResponseWith500) {
  Wire client = connect([](Request) { return Response(Status::early_hints); });
  client.send(kGet);
  EXPECT_EQ(status_of(client.receive()), 500);
}

TEST_F(H1ExchangeTest, AnswersA101WithoutATunnelWith500) {
  Wire client = connect(
      [](Request) { return Response(Status::switching_protocols, Headers({{"Upgrade", "x"}})); });
  client.send(kGet);
  EXPECT_EQ(status_of(client.receive()), 500);
  EXPECT_TRUE(client.at_end());
}

// --- request bodies ----------------------------------------------------------------------------

TEST_F(H1ExchangeTest, DropsASmallBodyItsHandlerIgnores) {
  Wire client = connect([](Request) { return Response(Status::ok, "done"); });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "done");
  client.send("hello");
  client.send(kGet);
  EXPECT_EQ(body_of(client.receive()), "done");
  EXPECT_FALSE(client.at_end());
}

TEST_F(H1ExchangeTest, ClosesBehindALargeBodyItsHandlerIgnores) {
  Wire client = connect([](Request) { return Response(Status::ok, "done"); });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\nabc");
  const std::string answer = client.receive();
  EXPECT_EQ(body_of(answer), "done");
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(client.at_end());
  EXPECT_FALSE(client.was_reset());
}

TEST_F(H1ExchangeTest, ClosesBehindAChunkedBodyItsHandlerIgnores) {
  Wire client = connect([](Request) { return Response(Status::ok, "done"); });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_THAT(client.receive(), HasSubstr("\r\nConnection: close\r\n"));
  client.send("0\r\n\r\n");
  client.send(kGet);
  EXPECT_EQ(client.receive(), "");
}

TEST_F(H1ExchangeTest, WaitsOnlySoLongForABodyNobodyReads) {
  Wire client = connect([](Request) { return Response(Status::ok, "done"); });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "done");
  network_.advance(6s);
  EXPECT_TRUE(client.at_end());
}

TEST_F(H1ExchangeTest, StreamsARequestBodyIntoItsAnswer) {
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

TEST_F(H1ExchangeTest, GivesTrailersOnceTheBodyWasRead) {
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

TEST_F(H1ExchangeTest, CountsAChunkedBodyAgainstItsLimit) {
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

TEST_F(H1ExchangeTest, FailsABrokenChunk) {
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

TEST_F(H1ExchangeTest, FailsABodyWhoseClientLeaves) {
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

// A handler may keep the body longer than its connection lives.
TEST_F(H1ExchangeTest, FailsABodyThatOutlivesItsConnection) {
  auto kept = std::make_shared<Body>();
  Wire client = connect([kept](Request request) {
    *kept = std::move(request.body());
    return Response(Status::ok, "kept");
  });
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(body_of(client.receive()), "kept");
  EXPECT_EQ(exchanges_.size(), 0u);  // whoever has the body may still read it
  network_.serve("s:80", testing::recorder(Status::ok, ""));  // in place of the old one
  EXPECT_EQ(exchanges_.size(), 1u);
  const auto piece = network_.run(kept->read());
  EXPECT_FALSE(piece);
}

// --- 100-continue and other 1xx ----------------------------------------------------------------

constexpr std::string_view kExpecting =
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

TEST_F(H1ExchangeTest, SaysContinueWhenTheBodyIsRead) {
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

TEST_F(H1ExchangeTest, SaysNothingToAClientThatDoesNotWaitForIt) {
  Wire client = connect([](Request request) -> task<Response> {
    auto content = co_await request.body().read_all(100);
    co_return Response(Status::ok, content.value_or("?"));
  });
  client.send(std::string(kExpecting) + "hello");
  EXPECT_EQ(status_of(client.receive()), 200);
}

TEST_F(H1ExchangeTest, DoesNotSayContinueToARefusedBody) {
  Wire client = connect([](Request) { return Response(Status::forbidden, "no"); });
  client.send(kExpecting);
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 403);
  // Whether the body comes now is not known: only closing is safe.
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(client.at_end());
}

TEST_F(H1ExchangeTest, SendsInformationalResponsesBeforeTheAnswer) {
  Wire client = connect([](Request request) -> task<Response> {
    const Response hints(Status::early_hints, Headers({{"Link", "</a.css>"}, {"Connection", "x"}}));
    request.informational(hints);
    co_await sleep_for(1s);
    request.informational(Response(Status::processing));
    co_return Response(Status::ok, "done");
  });
  client.send(kGet);
  EXPECT_EQ(client.receive(), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
  network_.advance(1s);
  EXPECT_EQ(without_date(client.receive()),
            "HTTP/1.1 102 Processing\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
}

TEST_F(H1ExchangeTest, SendsNoInformationalResponsesToHttp10) {
  Wire client = connect([](Request request) {
    request.informational(Response(Status::early_hints));
    return Response(Status::ok, "done");
  });
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 200);
}

// --- clients that leave ------------------------------------------------------------------------

// Says when it is destroyed.
struct Witness {
  explicit Witness(bool& gone) : gone_(&gone) {}
  Witness(Witness&& other) noexcept : gone_(std::exchange(other.gone_, nullptr)) {}
  Witness& operator=(Witness&&) = delete;
  ~Witness() {
    if (gone_) *gone_ = true;
  }
  bool* gone_;
};

TEST_F(H1ExchangeTest, CancelsAHandlerWhoseClientLeaves) {
  for (const bool reset : {false, true}) {
    bool cancelled = false;
    {
      Wire client = connect([&cancelled](Request) -> task<Response> {
        const Witness witness(cancelled);
        co_await sleep_for(1h);
        co_return Response(Status::ok);
      });
      client.send(kGet);
      EXPECT_FALSE(cancelled);
      if (reset) {
        client.reset();
      } else {
        client.close();
      }
    }
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
    EXPECT_EQ(exchanges_.last().status, 0);
  }
}

TEST_F(H1ExchangeTest, CancelsABodyWhoseClientLeaves) {
  bool gone = false;
  Wire client = connect([&gone](Request) {
    struct Endless final : BodySource {
      explicit Endless(bool& flag) : witness(flag) {}
      task<Result<bytes>> read() override {
        co_await sleep_for(1s);
        co_return bytes("more");
      }
      Witness witness;
    };
    return Response(Status::ok, Headers(), Body::from(std::make_unique<Endless>(gone)));
  });
  client.send(kGet);
  network_.advance(3s);
  EXPECT_EQ(count_of("more", client.receive()), 3);
  client.close();
  EXPECT_TRUE(gone);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
}

// --- tunnels of a handler's own ----------------------------------------------------------------

// Gives back what it is sent, in capitals.
class Shouting final : public Tunnel {
 public:
  task<Result<bytes>> read() override {
    while (said_.empty() && !closed_)
      co_await sleep_for(10ms);
    piece_ = std::exchange(said_, {});
    co_return bytes(piece_);
  }
  task<Result<void>> write(bytes data) override {
    for (const char each : data)
      said_ += static_cast<char>(std::toupper(each));
    co_return Result<void>();
  }
  void close_write() override { closed_ = true; }

 private:
  std::string said_;
  std::string piece_;
  bool closed_ = false;
};

TEST_F(H1ExchangeTest, JoinsAHandlersTunnelWithItsClient) {
  Wire client = connect([](Request) {
    Response response(Status::switching_protocols, Headers({{"Upgrade", "shout"}}));
    response.set_tunnel(std::make_unique<Shouting>());
    return response;
  });
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nearly");
  network_.advance(1s);
  const std::string answer = client.receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: Upgrade\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nUpgrade: shout\r\n"));
  EXPECT_EQ(body_of(answer), "EARLY");
  client.send("more");
  network_.advance(1s);
  EXPECT_EQ(client.receive(), "MORE");
  client.close_write();
  network_.advance(1s);
  EXPECT_TRUE(client.at_end());
  EXPECT_TRUE(exchanges_.last().upgraded);
  EXPECT_EQ(exchanges_.last().request_body, 9u);
  EXPECT_EQ(exchanges_.last().response_body, 9u);
}

}  // namespace
}  // namespace onehop::server
