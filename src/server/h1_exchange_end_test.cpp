// SPDX-License-Identifier: Apache-2.0
//
// Exchanges that do not end with a complete response.
#include "server/h1_exchange.hpp"
#include "support/served.hpp"
#include "support/vocabulary.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace onehop::server {
namespace {

using namespace test::vocabulary;
using test::pieces;
using test::Witness;

using H1ExchangeEnd = test::Served;

// --- bodies that break off ---------------------------------------------------------------------

TEST_F(H1ExchangeEnd, AbortsAChunkedResponseThatFails) {
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

TEST_F(H1ExchangeEnd, AbortsAResponseOfKnownLengthThatFails) {
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

// Only a reset shows that a close-delimited response is incomplete.
TEST_F(H1ExchangeEnd, ResetsACloseDelimitedResponseThatFails) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc"});
    body->fails_ = true;
    return body;
  });
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(client.receive()), "abc");
  EXPECT_TRUE(client.was_reset());
}

TEST_F(H1ExchangeEnd, AbortsWhenABodyThrows) {
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

// A body that is shorter or longer than its Content-Length must not look like a complete response.
TEST_F(H1ExchangeEnd, AbortsABodyShorterThanItsLength) {
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

TEST_F(H1ExchangeEnd, SendsNoMoreThanTheLengthOfABody) {
  Wire client = connect_to_body([] {
    auto body = pieces({"abc", "defghi"});
    body->length_ = 5;
    return body;
  });
  client.send(kGet);
  EXPECT_LE(body_of(client.receive()).size(), 5u);
  EXPECT_TRUE(client.at_end());
}

// --- clients that leave ------------------------------------------------------------------------

TEST_F(H1ExchangeEnd, CancelsAHandlerWhoseClientLeaves) {
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

// The client may have left before the server reads its content, or before the handler drops it.
TEST_F(H1ExchangeEnd, CancelsAHandlerThatIsDoneWithTheBodyOfADisconnectedClient) {
  for (const bool reads : {true, false}) {
    bool cancelled = false;
    std::string content;
    {
      Wire client = connect([&cancelled, &content, reads](Request request) -> task<Response> {
        const Witness witness(cancelled);
        co_await sleep_for(1s);
        if (reads) {
          auto read = co_await request.body().read_all(100);
          content = read.value_or("");
        } else {
          request.set_body(Body());
        }
        co_await sleep_for(1h);
        co_return Response(Status::ok);
      });
      client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    }
    EXPECT_FALSE(cancelled);
    network_.advance(2s);
    EXPECT_EQ(content, reads ? "abc" : "");
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
  }
}

TEST_F(H1ExchangeEnd, CancelsABodyWhoseClientLeaves) {
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

// A half-close with pipelined requests outstanding means that the client waits for their responses.
// After its last request, it means that the client has left.
TEST_F(H1ExchangeEnd, TreatsAHalfCloseAfterTheLastRequestAsADisconnect) {
  Wire client = connect_to_body([] {
    auto body = pieces({"slow"});
    body->pause_ = 1s;
    return body;
  });
  client.send(std::string(kGet) + std::string(kGet));
  client.close_write();
  network_.advance(5s);
  const std::string answers = client.receive();
  EXPECT_EQ(count_of("4\r\nslow\r\n0\r\n\r\n", answers), 1);
  EXPECT_TRUE(client.at_end());
  ASSERT_EQ(exchanges_.size(), 2u);
  EXPECT_EQ(exchanges_.at(0).outcome, Outcome::complete);
  EXPECT_EQ(exchanges_.at(1).outcome, Outcome::client_gone);
}

TEST_F(H1ExchangeEnd, ReportsThatAClientHalfClosed) {
  for (const bool reset : {false, true}) {
    Wire client = connect([](Request) -> task<Response> {
      co_await sleep_for(1h);
      co_return Response(Status::ok);
    });
    client.send(kGet);
    if (reset) {
      client.reset();
    } else {
      client.close_write();
    }
    ASSERT_TRUE(exchanges_.last().failed_with(Errc::client_gone));
    EXPECT_EQ(exchanges_.last().failure->detail(),
              reset ? "" : "it closed its sending side; half-close=serve allows that");
  }
}

Server::Options serving_half_closed() {
  Server::Options options;
  options.half_close = HalfClose::serve;
  return options;
}

TEST_F(H1ExchangeEnd, ServesHalfClosedClientsIfConfigured) {
  Wire client = connect(
      [](Request request) -> task<Response> {
        auto content = co_await request.body().read_all(100);
        co_await sleep_for(10s);
        auto body = pieces({"slow", content.value_or("")});
        body->pause_ = 1s;
        co_return Response(Status::ok, Headers(), Body::from(std::move(body)));
      },
      serving_half_closed());
  client.send(std::string(kGet) + "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc");
  client.close_write();
  network_.advance(11s);
  EXPECT_FALSE(client.at_end());
  network_.advance(60s);
  const std::string responses = client.receive();
  EXPECT_EQ(count_of("4\r\nslow\r\n0\r\n\r\n", responses), 1);
  EXPECT_THAT(responses, EndsWith("\r\n\r\nslowabc"));
  EXPECT_TRUE(client.at_end());
  ASSERT_EQ(exchanges_.size(), 2u);
  EXPECT_EQ(exchanges_.at(0).outcome, Outcome::complete);
  EXPECT_EQ(exchanges_.at(1).outcome, Outcome::complete);
}

TEST_F(H1ExchangeEnd, CancelsAfterAResetEvenIfHalfClosedClientsAreServed) {
  for (const bool half_closes_first : {false, true}) {
    bool cancelled = false;
    Wire client = connect(
        [&cancelled](Request) -> task<Response> {
          const Witness witness(cancelled);
          co_await sleep_for(1h);
          co_return Response(Status::ok);
        },
        serving_half_closed());
    client.send(kGet);
    if (half_closes_first) client.close_write();
    EXPECT_FALSE(cancelled);
    client.reset();
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
    EXPECT_EQ(exchanges_.last().failure->detail(), "");
  }
}

TEST_F(H1ExchangeEnd, AHalfCloseInsideTheBodyAlwaysFailsIt) {
  Wire client = connect(
      [](Request request) -> task<Response> {
        auto content = co_await request.body().read_all(100);
        co_return Response(content ? Status::ok : Status::bad_request);
      },
      serving_half_closed());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 30\r\n\r\nabc");
  client.close_write();
  EXPECT_EQ(status_of(client.receive()), 400);
  EXPECT_TRUE(client.at_end());
}

TEST_F(H1ExchangeEnd, SurvivesAnExceptionOfTheExchangeCallback) {
  std::string logged;
  Server::Options options;
  options.on_exchange_end = [](const ExchangeRecord&) { throw std::runtime_error("disk full"); };
  options.log = [&logged](LogLevel, std::string_view line) { logged += line; };
  network_.serve("s:80", testing::recorder(Status::ok, "fine"), std::move(options));
  Wire client = network_.connect("s:80");
  for (int i = 0; i < 2; ++i) {
    client.send(kGet);
    EXPECT_EQ(body_of(client.receive()), "fine");
  }
  EXPECT_THAT(logged, HasSubstr("disk full"));
}

// --- tunnels of a handler's own ----------------------------------------------------------------

// Returns what it receives, in capitals.
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

class Throwing final : public Tunnel {
 public:
  explicit Throwing(bool when_written) : when_written_(when_written) {}
  task<Result<bytes>> read() override {
    const auto pause = when_written_ ? std::chrono::seconds(1h) : 1s;
    co_await sleep_for(pause);
    throw std::runtime_error("out of words");
  }
  task<Result<void>> write(bytes) override {
    if (when_written_) throw std::runtime_error("out of ears");
    co_return Result<void>();
  }
  void close_write() override {}

 private:
  bool when_written_;
};

TEST_F(H1ExchangeEnd, ClosesATunnelThatThrows) {
  for (const bool when_written : {false, true}) {
    Wire client = connect([when_written](Request) {
      Response response(Status::switching_protocols, Headers({{"Upgrade", "x"}}));
      response.set_tunnel(std::make_unique<Throwing>(when_written));
      return response;
    });
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    client.send("hello");
    network_.advance(2s);
    client.receive();
    EXPECT_TRUE(client.at_end());
    EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
    EXPECT_TRUE(exchanges_.last().failed_with(Errc::handler_failed));
  }
}

// The rest of the content would be taken for the first bytes of the tunnel.
TEST_F(H1ExchangeEnd, OpensNoTunnelIfTheRequestBodyIsUnread) {
  for (const char* content : {"Content-Length: 5\r\n\r\nab", "Content-Length: 5\r\n\r\nabcde",
                              "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
                              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    Wire client = connect([](Request) {
      Response response(Status::switching_protocols, Headers({{"Upgrade", "shout"}}));
      response.set_tunnel(std::make_unique<Shouting>());
      return response;
    });
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: shout\r\n" +
                std::string(content));
    EXPECT_EQ(status_of(client.receive()), 500) << content;
    client.send("cde");
    network_.advance(2s);
    EXPECT_EQ(client.receive(), "") << content;
    EXPECT_FALSE(exchanges_.last().upgraded);
    ASSERT_TRUE(exchanges_.last().failed_with(Errc::handler_failed));
    EXPECT_EQ(exchanges_.last().failure->detail(),
              "a 101 before the content of the request was read");
  }
}

TEST_F(H1ExchangeEnd, OpensATunnelAfterTheRequestBodyIsRead) {
  Wire client = connect([](Request request) -> task<Response> {
    auto content = co_await request.body().read_all(100);
    Response response(Status::switching_protocols, Headers({{"Upgrade", "shout"}}));
    response.set_tunnel(std::make_unique<Shouting>());
    response.headers().set("X-Content", content ? *content : "none");
    co_return response;
  });
  client.send(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: shout\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\nearly");
  network_.advance(1s);
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 101);
  EXPECT_THAT(answer, HasSubstr("\r\nX-Content: abcde\r\n"));
  EXPECT_EQ(body_of(answer), "EARLY");
}

TEST_F(H1ExchangeEnd, ConnectsAHandlersTunnelToItsClient) {
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
