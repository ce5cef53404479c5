// SPDX-License-Identifier: Apache-2.0
#include "server/h1_connection.hpp"

#include "support/served.hpp"
#include "support/vocabulary.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace onehop::server {
namespace {

using namespace test::vocabulary;

class H1ConnectionTest : public test::Served {
 protected:
  // Responds with the request's method, target and content.
  static task<Response> echo(Request request) {
    std::string text(request.method().text());
    text += ' ';
    text += request.url().target();
    auto content = co_await request.body().read_all(1024 * 1024);
    if (content && !content->empty()) text += ' ' + *content;
    co_return Response(Status::ok, std::move(text));
  }

  Wire connect(Server::Options options = {}) { return Served::connect(echo, std::move(options)); }
  // Returns the whole response to `message` on a new connection.
  std::string answer_to(std::string_view message, Server::Options options = {}) {
    Wire client = connect(std::move(options));
    client.send(message);
    return client.receive();
  }
};

// --- consecutive requests ----------------------------------------------------------------------

TEST_F(H1ConnectionTest, ServesSequentialRequests) {
  Wire client = connect();
  for (const char* target : {"/a", "/b", "/c"}) {
    client.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(without_date(client.receive()),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
              "6\r\n\r\nGET " +
                  std::string(target));
  }
  EXPECT_FALSE(client.at_end());
  EXPECT_EQ(exchanges_.size(), 3u);
}

TEST_F(H1ConnectionTest, RespondsToPipelinedRequestsInOrder) {
  Wire client = connect();
  client.send(
      "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz"
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nuv\r\n0\r\n\r\n"
      "GET /d HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(without_date(client.receive()),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
            "6\r\n\r\nGET /a"
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
            "11\r\n\r\nPOST /b xyz"
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
            "10\r\n\r\nPOST /c uv"
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
            "6\r\n\r\nGET /d");
}

TEST_F(H1ConnectionTest, AcceptsARequestByteByByte) {
  Wire client = connect();
  constexpr std::string_view kMessage =
      "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n";
  for (const char byte : kMessage.substr(0, kMessage.size() - 1)) {
    client.send({&byte, 1});
    ASSERT_EQ(client.receive(), "");
  }
  client.send("\n");
  EXPECT_THAT(client.receive(), EndsWith("\r\n\r\nPOST /b xyz"));
}

TEST_F(H1ConnectionTest, RespondsToPipelinedRequestsOfAClientThatHalfCloses) {
  Wire client = connect();
  client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  client.close_write();
  const std::string answers = client.receive();
  EXPECT_EQ(count_of("HTTP/1.1 200 OK\r\n", answers), 2);
  EXPECT_THAT(answers, EndsWith("GET /b"));
  EXPECT_TRUE(client.at_end());
}

TEST_F(H1ConnectionTest, IgnoresEmptyLinesBeforeARequest) {
  EXPECT_EQ(status_of(answer_to("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")), 200);
}

TEST_F(H1ConnectionTest, ClosesWhenTheClientAsks) {
  Wire client = connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.receive(), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(client.at_end());
  EXPECT_FALSE(client.was_reset());
}

TEST_F(H1ConnectionTest, ClosesAfterAnHttp10Request) {
  Wire client = connect();
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(client.at_end());
}

TEST_F(H1ConnectionTest, KeepsAnHttp10ConnectionThatAsksForIt) {
  Wire client = connect();
  for (int i = 0; i < 2; ++i) {
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_THAT(client.receive(), HasSubstr("\r\nConnection: keep-alive\r\n"));
  }
  EXPECT_FALSE(client.at_end());
}

// --- refusals ----------------------------------------------------------------------------------

struct Refusal {
  const char* name;
  std::string message;
  int status;
};
class H1RefusalTest : public H1ConnectionTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(H1RefusalTest, GetsAResponseAndEndsTheConnection) {
  Server::Options options;
  options.max_request_line = 512;
  options.max_header_bytes = 1024;
  options.max_header_fields = 8;
  options.max_body = 10;
  Wire client = connect(std::move(options));
  client.send(GetParam().message);
  client.send("GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), GetParam().status) << answer;
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_FALSE(body_of(answer).empty());
  EXPECT_EQ(count_of("HTTP/1.1 ", answer), 1) << answer;
  EXPECT_TRUE(client.at_end());
  ASSERT_EQ(exchanges_.size(), 1u);
  ASSERT_TRUE(exchanges_.last().failure);
  EXPECT_EQ(exchanges_.last().failure->side(), Side::client);
}

std::string many_fields(int count) {
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < count; ++i)
    head += "X: y\r\n";
  return head + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    All,
    H1RefusalTest,
    ::testing::Values(
        Refusal{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
        Refusal{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        Refusal{"Garbage", "\x16\x03\x01 garbage\r\n\r\n", 400},
        Refusal{"BlankBeforeColon", "GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", 400},
        Refusal{"Folded", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", 400},
        Refusal{"LengthAndChunked",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400},
        Refusal{"TwoLengths",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
                400},
        Refusal{"BadLength", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na", 400},
        Refusal{"AsteriskOfGet", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        Refusal{"Connect", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 501},
        Refusal{"LongMethod", std::string(40, 'M') + " / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        Refusal{"UnknownCoding",
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        Refusal{"Http2", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
        Refusal{"LongLine", "GET /" + std::string(600, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
        Refusal{"LongLineWithoutEnd", "GET /" + std::string(100'000, 'a'), 414},
        Refusal{"LargeHead",
                "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(1100, 'a') + "\r\n\r\n", 431},
        Refusal{"ManyFields", many_fields(20), 431},
        Refusal{"LargeBody", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", 413},
        Refusal{"UnknownExpectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", 417}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_F(H1ConnectionTest, RespondsToValidRequestsBeforeARefusal) {
  Wire client = connect();
  client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nBAD\r\n\r\n");
  const std::string answers = client.receive();
  EXPECT_THAT(answers, HasSubstr("GET /aHTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(client.at_end());
}

// A client that is still sending must receive the refusal, so the connection is not reset at once.
// It is not kept for ever either.
TEST_F(H1ConnectionTest, LingersAfterARefusal) {
  Server::Options options;
  options.max_body = 10;
  Wire client = connect(std::move(options));
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
  for (int i = 0; i < 10; ++i)
    client.send(std::string(10'000, 'x'));
  EXPECT_EQ(status_of(client.receive()), 413);
  EXPECT_FALSE(client.was_reset());
}

// --- time --------------------------------------------------------------------------------------

TEST_F(H1ConnectionTest, RespondsToAnIncompleteHeadWith408) {
  Wire client = connect();
  client.send("GET / HTTP/1.1\r\nHo");
  network_.advance(14s);
  client.send("st");  // single bytes do not extend the deadline
  EXPECT_EQ(client.receive(), "");
  network_.advance(2s);
  EXPECT_EQ(status_of(client.receive()), 408);
  EXPECT_TRUE(client.at_end());
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::timed_out));
}

TEST_F(H1ConnectionTest, MeasuresTheHeadFromItsFirstByte) {
  Wire client = connect();
  network_.advance(60s);
  client.send("GET / HTTP/1.1\r\n");
  network_.advance(14s);
  client.send("Host: h\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 200);
}

TEST_F(H1ConnectionTest, ClosesAnIdleConnectionSilently) {
  Wire client = connect();
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 200);
  network_.advance(74s);
  EXPECT_FALSE(client.at_end());
  network_.advance(2s);
  EXPECT_EQ(client.receive(), "");
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(exchanges_.size(), 1u);
}

TEST_F(H1ConnectionTest, ClosesAnUnusedConnection) {
  Wire client = connect();
  network_.advance(76s);
  EXPECT_EQ(client.receive(), "");
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(exchanges_.size(), 0u);
}

TEST_F(H1ConnectionTest, WaitsForeverWithoutTimeouts) {
  Server::Options options;
  options.idle_timeout = no_limit;
  options.header_timeout = no_limit;
  Wire client = connect(std::move(options));
  network_.advance(24h);
  client.send("GET / HTTP/1.1\r\n");
  network_.advance(24h);
  client.send("Host: h\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 200);
}

TEST_F(H1ConnectionTest, RespondsToAnIncompleteBodyWith408) {
  auto reads = make_handler([](Request request) -> task<Response> {
    auto content = co_await request.body().read_all(1000);
    if (content) co_return Response(Status::ok);
    co_return Response(content.error().is(Errc::timed_out) ? Status::request_timeout
                                                           : Status::bad_request);
  });
  network_.serve("s:80", reads, exchanges_.options());
  Wire client = network_.connect("s:80");
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
  network_.advance(50s);
  client.send("a");
  network_.advance(50s);
  EXPECT_EQ(client.receive(), "");
  network_.advance(11s);
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 408);
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(H1ConnectionTest, ResetsAClientThatDoesNotRead) {
  auto large = make_handler([](Request) -> task<Response> {
    co_await sleep_for(1s);
    co_return Response(Status::ok, std::string(1'000'000, 'x'));
  });
  network_.serve("s:80", large, exchanges_.options());
  Wire client = network_.connect("s:80");
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  network_.advance(1s);
  EXPECT_EQ(exchanges_.size(), 0u);
  network_.advance(59s);
  EXPECT_EQ(exchanges_.size(), 0u);
  network_.advance(2s);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::timed_out));
  const std::string received = client.receive();
  EXPECT_LT(received.size(), 200'000u);
  EXPECT_TRUE(client.at_end());
}

// --- targets -----------------------------------------------------------------------------------

TEST_F(H1ConnectionTest, PassesTargetAndHostToTheHandler) {
  std::string seen;
  network_.serve("s:80", make_handler([&seen](Request request) {
                   seen = std::string(request.url().target()) + "|" + std::string(request.host()) +
                          "|" + std::string(request.connection().peer);
                   return Response(Status::ok);
                 }));
  Wire client = network_.connect("s:80");
  client.send("GET /a%2Fb?c=%20 HTTP/1.1\r\nHost: h:1\r\n\r\n");
  EXPECT_EQ(seen, "/a%2Fb?c=%20|h:1|192.0.2.1");
  client.send("GET http://other.example:8/x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(seen, "/x|other.example:8|192.0.2.1");
  client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(seen, "*|h|192.0.2.1");
  EXPECT_EQ(count_of("HTTP/1.1 200 OK", client.receive()), 3);
}

TEST_F(H1ConnectionTest, AnAbsoluteTargetOfOptionsWithoutPathAndQueryMeansTheWholeServer) {
  std::string seen;
  network_.serve("s:80", make_handler([&seen](Request request) {
                   seen = std::string(request.url().target()) + "|" + std::string(request.host());
                   return Response(Status::ok);
                 }));
  Wire client = network_.connect("s:80");
  const auto send = [&client](const std::string& line) {
    client.send(line + " HTTP/1.1\r\nHost: h\r\n\r\n");
  };
  send("OPTIONS http://other.example:8001");
  EXPECT_EQ(seen, "*|other.example:8001");
  send("OPTIONS http://other.example/");
  EXPECT_EQ(seen, "/|other.example");
  send("OPTIONS http://other.example?q");
  EXPECT_EQ(seen, "/?q|other.example");
  send("GET http://other.example");
  EXPECT_EQ(seen, "/|other.example");
}

}  // namespace
}  // namespace onehop::server
