// SPDX-License-Identifier: Apache-2.0
//
// Connections to the backend: their reuse, and retries after a stale one.
#include "support/proxied.hpp"
#include "support/vocabulary.hpp"

#include <string>
#include <vector>

namespace onehop {
namespace {

using namespace test::vocabulary;

class ProxiedPool : public test::Proxied {
 protected:
  // Returns an idle connection that has carried one request.
  Wire warm(Wire& client) {
    client.send(get("/warm"));
    Wire backend = this->backend();
    backend.receive();
    backend.send(ok("warm"));
    EXPECT_EQ(body_of(client.receive()), "warm");
    EXPECT_EQ(transport_->statistics().idle, 1u);
    return backend;
  }
};

// --- failed connections ------------------------------------------------------------------------

// The request must use the returned connection instead of dialling again, which would fail.
TEST_F(ProxiedPool, UsesAConnectionReturnedDuringARetryDelay) {
  Wire first = client();
  first.send(get("/first"));
  Wire only = backend();
  only.receive();
  network_.refuse("backend:80");
  Wire second = client();
  second.send(get("/second"));
  only.send(ok("first"));
  EXPECT_EQ(body_of(first.receive()), "first");
  network_.advance(100ms);
  EXPECT_THAT(only.receive(), StartsWith("GET /second "));
  only.send(ok("second"));
  EXPECT_EQ(body_of(second.receive()), "second");
}

// --- stale connections -------------------------------------------------------------------------

TEST_F(ProxiedPool, NoticesThatAnIdleConnectionWasClosed) {
  Wire client = this->client();
  Wire old = warm(client);
  old.close();
  EXPECT_EQ(transport_->statistics().idle, 0u);
  client.send(post("abc"));
  Wire fresh = backend();
  EXPECT_THAT(fresh.receive(), EndsWith("\r\n\r\nabc"));
  fresh.send(ok("done"));
  EXPECT_EQ(body_of(client.receive()), "done");
  EXPECT_EQ(exchanges_.last().attempts, 1);
}

TEST_F(ProxiedPool, DropsAnIdleConnectionThatSendsUnsolicitedData) {
  Wire client = this->client();
  Wire old = warm(client);
  old.send(ok("not asked for"));
  EXPECT_EQ(transport_->statistics().open, 0u);
  client.send(get());
  Wire fresh = backend();
  fresh.send(ok("asked for"));
  EXPECT_EQ(body_of(client.receive()), "asked for");
}

TEST_F(ProxiedPool, RetriesAGetOnAStaleConnection) {
  Wire client = this->client();
  Wire old = warm(client);
  client.send(get("/again"));
  EXPECT_THAT(old.receive(), StartsWith("GET /again "));
  old.close();
  Wire fresh = backend();
  EXPECT_THAT(fresh.receive(), StartsWith("GET /again "));
  fresh.send(ok("done"));
  EXPECT_EQ(body_of(client.receive()), "done");
  EXPECT_EQ(exchanges_.last().attempts, 2);
  EXPECT_EQ(transport_->statistics().retried, 1u);
}

TEST_F(ProxiedPool, NeverSendsAPostTwice) {
  Wire client = this->client();
  Wire old = warm(client);
  client.send(post("abc"));
  EXPECT_THAT(old.receive(), EndsWith("abc"));
  old.close();
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_TRUE(nobody_connects());
  EXPECT_EQ(exchanges_.last().attempts, 1);
}

TEST_F(ProxiedPool, RetriesAPostWithAnIdempotencyKey) {
  for (const std::string name : {"Idempotency-Key", "X-Idempotency-Key", "x-idempotency-key"}) {
    Wire client = this->client();
    Wire old = warm(client);
    client.send("POST / HTTP/1.1\r\nHost: h\r\n" + name + ": 1\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_THAT(old.receive(), EndsWith("abc"));
    old.close();
    Wire fresh = backend();
    EXPECT_THAT(fresh.receive(), EndsWith("\r\n\r\nabc"));
    fresh.send(ok("done"));
    EXPECT_EQ(body_of(client.receive()), "done");
    EXPECT_EQ(exchanges_.last().attempts, 2);
    fresh.close();
  }
}

// Only Idempotency-Key and X-Idempotency-Key make a POST repeatable.
TEST_F(ProxiedPool, DoesNotRetryAPostWithAnotherKey) {
  for (const std::string name : {"Idempotency", "Idempotency-Key-2", "Y-Idempotency-Key"}) {
    Wire client = this->client();
    Wire old = warm(client);
    client.send("POST / HTTP/1.1\r\nHost: h\r\n" + name + ": 1\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_THAT(old.receive(), EndsWith("abc"));
    old.close();
    EXPECT_EQ(status_of(client.receive()), 502);
    EXPECT_TRUE(nobody_connects());
  }
}

// One stale connection is a sign that the other idle ones are stale too: the second attempt does
// not try them.
TEST_F(ProxiedPool, RetriesAGetOnANewConnectionWhenAllAreStale) {
  std::vector<Wire> clients;
  std::vector<Wire> stale;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(client());
    clients.back().send(get("/warm"));
    stale.push_back(backend());
    stale.back().receive();
  }
  for (std::size_t i = 0; i < stale.size(); ++i) {
    stale[i].send(ok("warm"));
    EXPECT_EQ(body_of(clients[i].receive()), "warm");
  }
  ASSERT_EQ(transport_->statistics().idle, 3u);
  const std::uint64_t dialled = transport_->statistics().dialled;
  clients.front().send(get("/again"));
  int asked = 0;
  for (Wire& connection : stale) {
    if (connection.receive().empty()) continue;
    ++asked;
    connection.close();
  }
  EXPECT_EQ(asked, 1);
  for (Wire& connection : stale)  // none of them got the request
    EXPECT_EQ(connection.receive(), "");
  Wire fresh = backend();
  EXPECT_THAT(fresh.receive(), StartsWith("GET /again "));
  fresh.send(ok("done"));
  EXPECT_EQ(body_of(clients.front().receive()), "done");
  EXPECT_EQ(exchanges_.last().attempts, 2);
  EXPECT_EQ(transport_->statistics().dialled, dialled + 1);
}

// An unreachable backend is retried only if the retry budget allows it.
TEST_F(ProxiedPool, RetriesConnectingOnlyWithinTheBudget) {
  Transport::Options transport;
  transport.retry_budget = 0;
  start(transport);
  network_.refuse("backend:80");
  int failed_at_once = 0;
  for (int i = 0; i < 300 && failed_at_once < 3; ++i) {
    Wire client = this->client();
    client.send(get());
    const std::string answer = client.receive();
    if (status_of(answer) == 502) {
      ++failed_at_once;
      EXPECT_EQ(exchanges_.last().attempts, 1);
    } else {
      EXPECT_EQ(answer, "");  // the request waits for its second attempt
    }
  }
  EXPECT_EQ(failed_at_once, 3);
}

TEST_F(ProxiedPool, DoesNotRetryOnAFreshConnection) {
  Wire client = this->client();
  client.send(get());
  Wire first = backend();
  first.receive();
  first.close();
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_TRUE(nobody_connects());
}

TEST_F(ProxiedPool, DoesNotRetryOnceAResponseHasBegun) {
  Wire client = this->client();
  Wire old = warm(client);
  client.send(get());
  old.receive();
  old.send("HTTP/1.1 2");
  old.close();
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_TRUE(nobody_connects());
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::truncated));
}

TEST_F(ProxiedPool, DoesNotRetryATimeout) {
  Transport::Options transport;
  transport.response_timeout = 2s;
  start(transport);
  Wire client = this->client();
  Wire old = warm(client);
  client.send(get());
  network_.advance(3s);
  EXPECT_EQ(status_of(client.receive()), 504);
  EXPECT_TRUE(nobody_connects());
}

TEST_F(ProxiedPool, ReplaysTheWholeBodyOfAPut) {
  const std::string content(60'000, 'p');
  Wire client = this->client();
  Wire old = warm(client);
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 60005\r\n\r\n" + content);
  EXPECT_THAT(old.receive(), EndsWith("ppp"));
  old.close();
  Wire fresh = backend();
  client.send("12345");
  EXPECT_EQ(body_of(fresh.receive()), content + "12345");
  fresh.send(ok("done"));
  EXPECT_EQ(body_of(client.receive()), "done");
}

TEST_F(ProxiedPool, ReplaysAChunkedBodyWithItsTrailers) {
  Wire client = this->client();
  Wire old = warm(client);
  client.send(
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n");
  EXPECT_THAT(old.receive(), EndsWith("0\r\nX-Sum: 1\r\n\r\n"));
  old.close();
  Wire fresh = backend();
  EXPECT_EQ(body_of(fresh.receive()), "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n");
}

TEST_F(ProxiedPool, DoesNotReplayABodyPastTheLimit) {
  Wire client = this->client();
  Wire old = warm(client);
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n");
  for (int i = 0; i < 7; ++i) {
    client.send(std::string(10'000, 'p'));
    old.receive();
  }
  old.close();
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_TRUE(nobody_connects());
}

TEST_F(ProxiedPool, DoesNotReplayABodyIfDisabled) {
  Transport::Options transport;
  transport.replay_body = 0;
  start(transport);
  Wire client = this->client();
  Wire old = warm(client);
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  old.receive();
  old.close();
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_TRUE(nobody_connects());
}

// A connection idle for more than a second is not used for a request that cannot be repeated.
TEST_F(ProxiedPool, GivesAPostARecentConnection) {
  Wire client = this->client();
  Wire old = warm(client);
  network_.advance(1500ms);
  client.send(post("abc"));
  Wire fresh = backend();
  EXPECT_THAT(fresh.receive(), StartsWith("POST / "));
  EXPECT_EQ(old.receive(), "");
}

// --- idle connections --------------------------------------------------------------------------

TEST_F(ProxiedPool, ClosesConnectionsIdleForTooLong) {
  Wire client = this->client();
  Wire old = warm(client);
  network_.advance(3900ms);
  EXPECT_FALSE(old.at_end());
  network_.advance(500ms);
  EXPECT_TRUE(old.at_end());
  EXPECT_EQ(transport_->statistics().open, 0u);
}

TEST_F(ProxiedPool, HonorsAKeepAliveField) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.receive();
  backend.send("HTTP/1.1 200 OK\r\nKeep-Alive: max=9, timeout=11\r\nContent-Length: 0\r\n\r\n");
  network_.advance(9900ms);
  EXPECT_FALSE(backend.at_end());
  network_.advance(500ms);
  EXPECT_TRUE(backend.at_end());
}

TEST_F(ProxiedPool, KeepsNoConnectionsWithoutAPool) {
  Transport::Options transport;
  transport.pool_size = 0;
  start(transport);
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.receive();
  backend.send(ok("x"));
  EXPECT_EQ(body_of(client.receive()), "x");
  EXPECT_TRUE(backend.at_end());
}

TEST_F(ProxiedPool, KeepsNoMoreConnectionsThanItsSize) {
  Transport::Options transport;
  transport.pool_size = 1;
  start(transport);
  Wire first = this->client();
  Wire second = this->client();
  first.send(get());
  second.send(get());
  Wire older = backend();
  Wire newer = backend();
  older.receive();
  newer.receive();
  older.send(ok("x"));
  newer.send(ok("x"));
  EXPECT_EQ(transport_->statistics().idle, 1u);
  EXPECT_TRUE(older.at_end());
  EXPECT_FALSE(newer.at_end());
}

struct Ending {
  const char* name;
  const char* answer;
};
class ProxiedNotReused : public ProxiedPool, public ::testing::WithParamInterface<Ending> {};

TEST_P(ProxiedNotReused, ClosesTheConnection) {
  Wire client = this->client();
  client.send(get());
  Wire backend = this->backend();
  backend.receive();
  backend.send(GetParam().answer);
  EXPECT_EQ(status_of(client.receive()), 200);
  EXPECT_TRUE(backend.at_end());
  EXPECT_EQ(transport_->statistics().idle, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    All,
    ProxiedNotReused,
    ::testing::Values(
        Ending{"SaysClose", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"},
        Ending{"IsHttp10", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"},
        Ending{"SaysMore", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n"}),
    [](const auto& each) { return std::string(each.param.name); });

// --- limits ------------------------------------------------------------------------------------

class ProxiedSlots : public ProxiedPool {
 protected:
  ProxiedSlots() {
    Transport::Options transport;
    transport.max_connections = 1;
    start(transport);
  }
};

TEST_F(ProxiedSlots, AreGivenToWaitingRequests) {
  Wire first = client();
  Wire second = client();
  first.send(get("/1"));
  second.send(get("/2"));
  Wire backend = this->backend();
  EXPECT_THAT(backend.receive(), StartsWith("GET /1 "));
  EXPECT_TRUE(nobody_connects());
  backend.send(ok("one"));
  EXPECT_EQ(body_of(first.receive()), "one");
  EXPECT_THAT(backend.receive(), StartsWith("GET /2 "));
  backend.send(ok("two"));
  EXPECT_EQ(body_of(second.receive()), "two");
}

TEST_F(ProxiedSlots, AreAwaitedUntilTheQueueTimeout) {
  Wire first = client();
  Wire second = client();
  first.send(get());
  second.send(get());
  Wire backend = this->backend();
  network_.advance(4900ms);
  EXPECT_EQ(second.receive(), "");
  network_.advance(200ms);
  EXPECT_EQ(status_of(second.receive()), 503);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::no_connection_slot));
  EXPECT_EQ(exchanges_.last().failure->phase(), Phase::queue);
  backend.send(ok("still served"));
  EXPECT_EQ(body_of(first.receive()), "still served");
}

TEST_F(ProxiedSlots, AreFreedByAClosedConnection) {
  Wire first = client();
  Wire second = client();
  first.send(get("/1"));
  second.send(get("/2"));
  Wire old = backend();
  old.close();
  EXPECT_EQ(status_of(first.receive()), 502);
  Wire fresh = backend();
  EXPECT_THAT(fresh.receive(), StartsWith("GET /2 "));
}

TEST_F(ProxiedSlots, AreNotGivenToAClientThatHasLeft) {
  Wire first = client();
  Wire gone = client();
  Wire third = client();
  first.send(get("/1"));
  gone.send(get("/gone"));
  third.send(get("/3"));
  gone.close();
  Wire backend = this->backend();
  backend.receive();
  backend.send(ok("one"));
  EXPECT_THAT(backend.receive(), StartsWith("GET /3 "));
}

TEST_F(ProxiedPool, LimitsRetriesToABudget) {
  Transport::Options transport;
  transport.retry_budget = 0;
  start(transport);
  int retried = 0;
  std::vector<Wire> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(client());
    Wire old = warm(clients.back());
    clients.back().send(get("/again"));
    old.receive();
    old.close();
    if (!nobody_connects()) ++retried;
  }
  EXPECT_GT(retried, 0);
  EXPECT_LT(retried, 40);
}

}  // namespace
}  // namespace onehop
