// SPDX-License-Identifier: Apache-2.0
//
// One exchange through the whole path: the messages that backend and client get, and when.
#include "support/proxied.hpp"
#include "support/vocabulary.hpp"

#include <string>

namespace onehop {
namespace {

using namespace test::vocabulary;

using ProxiedExchange = test::Proxied;

TEST_F(ProxiedExchange, IsRelayedUnchanged) {
  Wire client = this->client();
  client.send("GET /a%2fb//c?q=%20 HTTP/1.1\r\nhOsT: h\r\nX-B: 1\r\nx-a: 2\r\nX-B: 3\r\n\r\n");
  Wire backend = this->backend();
  EXPECT_EQ(backend.receive(),
            "GET /a%2fb//c?q=%20 HTTP/1.1\r\nHost: backend\r\nX-B: 1\r\nx-a: 2\r\nX-B: 3\r\n"
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: h\r\nX-Forwarded-Proto: http\r\n\r\n");
  backend.send(
      "HTTP/1.1 299 Rather Fine\r\nSeRvEr: s\r\nA: 1\r\nB: 2\r\nA: 3\r\n"
      "Content-Length: 2\r\n\r\nhi");
  EXPECT_EQ(without_date(client.receive()),
            "HTTP/1.1 299 Rather Fine\r\nSeRvEr: s\r\nA: 1\r\nB: 2\r\nA: 3\r\n"
            "Content-Length: 2\r\n\r\nhi");
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
  EXPECT_EQ(exchanges_.last().upstream, "backend:80");
}

TEST_F(ProxiedExchange, KeepsBothConnectionsOpen) {
  Wire client = this->client();
  client.send(get("/1"));
  Wire backend = this->backend();
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(backend.receive(), StartsWith("GET /"));
    backend.send(ok("x"));
    EXPECT_EQ(body_of(client.receive()), "x");
    client.send(get());
  }
  EXPECT_EQ(transport_->statistics().dialled, 1u);
  EXPECT_EQ(transport_->statistics().reused, 5u);
}

TEST_F(ProxiedExchange, ForwardsPipelinedRequestsOneByOne) {
  Wire client = this->client();
  client.send(get("/1") + get("/2"));
  Wire backend = this->backend();
  EXPECT_EQ(count_of("GET /", backend.receive()), 1);
  backend.send(ok("one"));
  EXPECT_THAT(backend.receive(), StartsWith("GET /2 "));
  backend.send(ok("two"));
  const std::string answers = client.receive();
  EXPECT_LT(answers.find("one"), answers.find("two"));
}

// A socket that is closed with unread bytes sends a reset, which must not destroy the response.
TEST_F(ProxiedExchange, DoesNotResetALastResponseWithUnreadData) {
  for (const char* version : {"1.0", "1.1"}) {
    Wire client = this->client();
    client.send("GET / HTTP/" + std::string(version) + "\r\nHost: h\r\nConnection: close\r\n\r\n");
    Wire backend = this->backend();
    client.send("more");
    backend.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
    backend.close();
    EXPECT_THAT(body_of(client.receive()), HasSubstr("hello"));
    EXPECT_TRUE(client.at_end());
    EXPECT_FALSE(client.was_reset());
    network_.advance(2s);
    EXPECT_FALSE(client.was_reset());
  }
}

TEST_F(ProxiedExchange, SendsOnlyTheHeadOfHead204And304) {
  Wire client = this->client();
  client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
  EXPECT_EQ(without_date(client.receive()), "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
  client.send(get());
  backend.send("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 99\r\n\r\n");
  EXPECT_EQ(without_date(client.receive()),
            "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 99\r\n\r\n");
  client.send(get());
  backend.send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(without_date(client.receive()), "HTTP/1.1 204 No Content\r\n\r\n");
  client.send(get());
  backend.send(ok("still in step"));
  EXPECT_EQ(body_of(client.receive()), "still in step");
}

TEST_F(ProxiedExchange, StreamsAResponsePieceByPiece) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_THAT(client.receive(), EndsWith("\r\nTransfer-Encoding: chunked\r\n\r\n"));
  backend.send("3\r\nabc\r\n");
  EXPECT_EQ(client.receive(), "3\r\nabc\r\n");
  network_.advance(1min);
  backend.send("1\r\nd\r\n0\r\nX-Sum: 1\r\n\r\n");
  EXPECT_EQ(client.receive(), "1\r\nd\r\n0\r\nX-Sum: 1\r\n\r\n");
}

TEST_F(ProxiedExchange, ChunksACloseDelimitedResponse) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send("HTTP/1.0 200 OK\r\n\r\nabc");
  backend.close();
  EXPECT_THAT(client.receive(), EndsWith("3\r\nabc\r\n0\r\n\r\n"));
  EXPECT_FALSE(client.at_end());
}

TEST_F(ProxiedExchange, SendsNoChunksToAnHttp10Client) {
  Wire client = this->client();
  client.send("GET / HTTP/1.0\r\n\r\n");
  Wire backend = this->backend();
  EXPECT_THAT(backend.receive(), StartsWith("GET / HTTP/1.1\r\n"));
  backend.send(
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_EQ(body_of(answer), "abc");
  EXPECT_TRUE(client.at_end());
}

TEST_F(ProxiedExchange, StreamsARequestPieceByPiece) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n");
  Wire backend = this->backend();
  const std::string head = backend.receive();
  EXPECT_THAT(head, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nTE: trailers\r\n"));
  client.send("3\r\nabc\r\n");
  EXPECT_EQ(backend.receive(), "3\r\nabc\r\n");
  client.send("0\r\nX-Sum: 1\r\n\r\n");
  EXPECT_EQ(backend.receive(), "0\r\nX-Sum: 1\r\n\r\n");
  backend.send(ok("thanks"));
  EXPECT_EQ(body_of(client.receive()), "thanks");
}

TEST_F(ProxiedExchange, IsFullDuplex) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  Wire backend = this->backend();
  backend.receive();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.receive();
  for (int i = 0; i < 3; ++i) {
    client.send("1\r\na\r\n");
    EXPECT_EQ(backend.receive(), "1\r\na\r\n");
    backend.send("1\r\nb\r\n");
    EXPECT_EQ(client.receive(), "1\r\nb\r\n");
  }
  backend.send("0\r\n\r\n");
  EXPECT_EQ(client.receive(), "0\r\n\r\n");
  client.send("0\r\n\r\n");
  EXPECT_EQ(backend.receive(), "0\r\n\r\n");
  client.send(get());
  EXPECT_THAT(backend.receive(), StartsWith("GET / "));
  EXPECT_FALSE(client.at_end());
}

TEST_F(ProxiedExchange, SendsAnEarlyResponseDuringTheUpload) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nab");
  Wire backend = this->backend();
  backend.receive();
  backend.send(ok("early"));
  EXPECT_EQ(body_of(client.receive()), "early");
  EXPECT_EQ(exchanges_.size(), 0u);
  client.send("cdef");
  EXPECT_EQ(backend.receive(), "cdef");
  client.send(get());
  EXPECT_THAT(backend.receive(), StartsWith("GET / "));
  EXPECT_EQ(exchanges_.size(), 1u);
}

// The response is complete. If the client leaves, the rest of the upload ends.
TEST_F(ProxiedExchange, EndsTheUploadAfterAnEarlyResponseWhenTheClientLeaves) {
  for (const bool reset : {true, false}) {
    const std::size_t before = exchanges_.size();
    Wire client = this->client();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nab");
    Wire backend = this->backend();
    EXPECT_THAT(backend.receive(), EndsWith("\r\n\r\nab"));
    backend.send(ok("early"));
    EXPECT_EQ(body_of(client.receive()), "early");
    EXPECT_EQ(exchanges_.size(), before);
    EXPECT_FALSE(backend.at_end());
    if (reset) {
      client.reset();
    } else {
      client.close_write();
    }
    ASSERT_EQ(exchanges_.size(), before + 1);
    EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
    EXPECT_EQ(exchanges_.last().request_body, 2u);
    EXPECT_EQ(backend.receive(), "");
    EXPECT_TRUE(backend.at_end());
    EXPECT_EQ(transport_->statistics().open, 0u);
  }
}

TEST_F(ProxiedExchange, EndsAStalledUploadAfterAnEarlyResponse) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nab");
  Wire backend = this->backend();
  backend.receive();
  backend.send(ok("early"));
  client.receive();
  network_.advance(2min);
  EXPECT_EQ(exchanges_.size(), 1u);
  EXPECT_TRUE(backend.at_end());
  EXPECT_TRUE(client.at_end());
}

// The backend does not read the upload, which fails. The exchange ends all the same.
TEST_F(ProxiedExchange, EndsAnUnreadUploadAfterAnEarlyResponse) {
  Wire client = this->client();
  client.send(post(std::string(3'000'000, 'x')));
  Wire backend = this->backend();
  backend.send(ok("early"));
  EXPECT_EQ(body_of(client.receive()), "early");
  EXPECT_EQ(exchanges_.size(), 0u);
  network_.advance(6min);
  EXPECT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(transport_->statistics().open, 0u);
}

TEST_F(ProxiedExchange, ForwardsExpectContinueBeforeTheBody) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  Wire backend = this->backend();
  EXPECT_THAT(backend.receive(), HasSubstr("\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.receive(), "");
  backend.send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.receive(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_EQ(backend.receive(), "abc");
  backend.send(ok("done"));
  EXPECT_EQ(body_of(client.receive()), "done");
}

TEST_F(ProxiedExchange, LimitsTheWaitForContinue) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  Wire backend = this->backend();
  backend.receive();
  network_.advance(1s);
  EXPECT_EQ(client.receive(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_EQ(backend.receive(), "abc");
  backend.send("HTTP/1.1 100 Continue\r\n\r\n" + ok("done"));  // a second 100 is not passed on
  EXPECT_EQ(without_date(client.receive()), ok("done"));
}

TEST_F(ProxiedExchange, DoesNotRequestABodyThatIsRefused) {
  Wire client = this->client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  Wire backend = this->backend();
  backend.receive();
  backend.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 417);
  EXPECT_EQ(body_of(answer), "no");
  EXPECT_EQ(backend.receive(), "");
  EXPECT_TRUE(backend.at_end());  // the backend may still expect the body on that connection
  EXPECT_TRUE(client.at_end());
}

TEST_F(ProxiedExchange, ForwardsInformationalResponses) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-H\r\nX-H: 1\r\n\r\n");
  EXPECT_EQ(client.receive(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  backend.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n");
  EXPECT_EQ(client.receive(), "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n");
  backend.send(ok("done"));
  EXPECT_EQ(without_date(client.receive()), ok("done"));
}

TEST_F(ProxiedExchange, EndsAFloodOfInformationalResponses) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  for (int i = 0; i < 65; ++i)
    backend.send("HTTP/1.1 103 Early Hints\r\n\r\n");
  const std::string answers = client.receive();
  EXPECT_EQ(count_of("HTTP/1.1 103 ", answers), 64);
  EXPECT_THAT(answers, HasSubstr("HTTP/1.1 502 Bad Gateway\r\n"));
  backend.receive();
  EXPECT_TRUE(backend.at_end());
}

// Back-pressure: content that the client has not read stays with the backend, except for a few
// buffers.
TEST_F(ProxiedExchange, ReadsNoMoreThanItsClientReads) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.receive();
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'));
  std::string content = body_of(client.receive());
  EXPECT_GT(content.size(), 10'000u);
  EXPECT_LT(content.size(), 1'000'000u);
  for (int i = 0; i < 1000 && content.size() < 3'000'000; ++i) {
    backend.receive();  // lets the backend continue to send
    content += client.receive();
  }
  EXPECT_EQ(content.size(), 3'000'000u);
}

TEST_F(ProxiedExchange, ReadsNoMoreThanItsBackendReads) {
  Wire client = this->client();
  client.send(post(std::string(3'000'000, 'x')));
  Wire backend = this->backend();
  std::string content = body_of(backend.receive());
  EXPECT_GT(content.size(), 10'000u);
  EXPECT_LT(content.size(), 1'000'000u);
  for (int i = 0; i < 1000 && content.size() < 3'000'000; ++i) {
    client.receive();  // lets the client continue to send
    content += backend.receive();
  }
  EXPECT_EQ(content.size(), 3'000'000u);
  backend.send(ok("done"));
  EXPECT_EQ(body_of(client.receive()), "done");
}

}  // namespace
}  // namespace onehop
