// SPDX-License-Identifier: Apache-2.0
//
// A backend that authenticates connections (NTLM, Negotiate): the clients that its connections
// serve, and for how long.
#include "support/h2_frames.hpp"
#include "support/h2_peer.hpp"
#include "support/proxied.hpp"
#include "support/test_certificates.hpp"
#include "support/tls_peer.hpp"
#include "support/vocabulary.hpp"

#include <memory>
#include <string>
#include <utility>

namespace onehop {
namespace {

using namespace test::vocabulary;

// The messages of a handshake, from client and backend.
constexpr std::string_view kFirst = "Authorization: NTLM TlRMTVNTUAAB\r\n";
constexpr std::string_view kLast = "Authorization: NTLM TlRMTVNTUAAD\r\n";
constexpr std::string_view kChallenge =
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM TlRMTVNTUAAC\r\nContent-Length: 0\r\n\r\n";

std::string get_with(std::string_view target, std::string_view fields = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

class ProxiedAuthentication : public test::Proxied {
 protected:
  // Sends a request, which must arrive on `connection`, and responds to it.
  void exchange(Wire& client,
                Wire& connection,
                const std::string& request,
                std::string_view answer) {
    client.send(request);
    EXPECT_THAT(connection.receive(), StartsWith(request.substr(0, request.find(" HTTP"))));
    connection.send(answer);
    EXPECT_EQ(status_of(client.receive()), status_of(answer));
  }
  // Does the first half of a handshake, which must use a new connection.
  Wire begin_handshake(Wire& client) {
    client.send(get_with("/first", kFirst));
    Wire connection = backend();
    EXPECT_THAT(connection.receive(), StartsWith("GET /first "));
    connection.send(kChallenge);
    EXPECT_EQ(status_of(client.receive()), 401);
    return connection;
  }
  // Does a whole handshake.
  Wire authenticate(Wire& client) {
    Wire connection = begin_handshake(client);
    exchange(client, connection, get_with("/last", kLast), ok("alice"));
    return connection;
  }
  // Sends a request, which must arrive on a new connection.
  Wire comes_on_a_new_one(Wire& client, const std::string& request) {
    client.send(request);
    Wire connection = backend();
    EXPECT_THAT(connection.receive(), StartsWith(request.substr(0, request.find(" HTTP"))));
    return connection;
  }
  Transport::Statistics statistics() const { return transport_->statistics(); }
};

// --- the clients that a connection serves ------------------------------------------------------

TEST_F(ProxiedAuthentication, BobIsNotServedOnAlicesConnection) {
  Wire alice = client();
  Wire bob = client();
  Wire of_alice = authenticate(alice);
  Wire of_bob = comes_on_a_new_one(bob, get_with("/bob"));
  of_bob.send(ok("bob"));
  EXPECT_EQ(body_of(bob.receive()), "bob");
  EXPECT_EQ(of_alice.receive(), "");
  EXPECT_EQ(statistics().idle, 2u);
}

TEST_F(ProxiedAuthentication, AliceContinuesWithoutCredentials) {
  Wire alice = client();
  Wire bob = client();
  Wire of_alice = authenticate(alice);
  exchange(alice, of_alice, get_with("/again"), ok("alice"));
  exchange(alice, of_alice, post("once"), ok("alice"));
  network_.advance(30s);  // after that, other connections are closed or not used for a POST
  exchange(alice, of_alice, post("later"), ok("alice"));
  EXPECT_TRUE(nobody_connects());
}

TEST_F(ProxiedAuthentication, AChallengeAloneReservesTheConnection) {
  for (const char* const scheme : {"Negotiate", "negotiate YII=", "Basic realm=\"x\", NTLM"}) {
    Wire alice = client();
    Wire bob = client();
    alice.send(get_with("/alice"));
    Wire of_alice = backend();
    of_alice.receive();
    of_alice.send("HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\nWWW-AUTHENTICATE: " +
                  std::string(scheme) + "\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(status_of(alice.receive()), 401);
    const Wire of_bob = comes_on_a_new_one(bob, get_with("/bob"));
    exchange(alice, of_alice, get_with("/first", kFirst), kChallenge);
  }
}

// The response's fields may be the first sign of authentication: mutual authentication ends with a
// challenge.
TEST_F(ProxiedAuthentication, AProxyChallengeReservesTheConnection) {
  Wire alice = client();
  Wire bob = client();
  alice.send(get_with("/alice"));
  Wire of_alice = backend();
  of_alice.receive();
  of_alice.send("HTTP/1.1 200 OK\r\nProxy-Authenticate: nEGOTIATE\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(status_of(alice.receive()), 200);
  const Wire of_bob = comes_on_a_new_one(bob, get_with("/bob"));
}

TEST_F(ProxiedAuthentication, BasicAndBearerShareConnections) {
  Wire alice = client();
  Wire bob = client();
  alice.send(get_with("/alice", "Authorization: Basic YTpi\r\n"));
  Wire shared = backend();
  shared.receive();
  shared.send("HTTP/1.1 401 U\r\nWWW-Authenticate: Bearer realm=NTLM\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(status_of(alice.receive()), 401);
  exchange(bob, shared, get_with("/bob"), ok("bob"));
}

TEST_F(ProxiedAuthentication, AConnectionThatServedBobBecomesAlices) {
  Wire bob = client();
  Wire alice = client();
  bob.send(get_with("/bob"));
  Wire shared = backend();
  shared.receive();
  shared.send(ok("bob"));
  EXPECT_EQ(body_of(bob.receive()), "bob");
  exchange(alice, shared, get_with("/first", kFirst), kChallenge);
  const Wire of_bob = comes_on_a_new_one(bob, get_with("/bob"));
  exchange(alice, shared, get_with("/last", kLast), ok("alice"));
}

TEST_F(ProxiedAuthentication, AWaitingRequestDoesNotGetAlicesConnection) {
  Transport::Options options;
  options.max_connections = 1;
  start(options);
  Wire alice = client();
  Wire bob = client();
  alice.send(get_with("/first", kFirst));
  Wire of_alice = backend();
  of_alice.receive();
  bob.send(get_with("/bob"));
  of_alice.send(kChallenge);
  EXPECT_EQ(status_of(alice.receive()), 401);
  // Alice keeps the slot between the messages of her handshake.
  EXPECT_FALSE(of_alice.at_end());
  exchange(alice, of_alice, get_with("/last", kLast), ok("alice"));
  // After the handshake, the slot goes to bob.
  EXPECT_TRUE(of_alice.at_end());
  Wire of_bob = backend();
  EXPECT_THAT(of_bob.receive(), StartsWith("GET /bob "));
  of_bob.send(ok("bob"));
  EXPECT_EQ(body_of(bob.receive()), "bob");
  EXPECT_EQ(statistics().open, 1u);
}

TEST_F(ProxiedAuthentication, AStalledHandshakeReleasesItsSlot) {
  Transport::Options options;
  options.max_connections = 1;
  options.queue_timeout = 30s;
  start(options);
  Wire alice = client();
  Wire bob = client();
  Wire of_alice = begin_handshake(alice);
  bob.send(get_with("/bob"));
  EXPECT_TRUE(nobody_connects());
  network_.advance(5s);
  EXPECT_TRUE(of_alice.at_end());
  Wire of_bob = backend();
  EXPECT_THAT(of_bob.receive(), StartsWith("GET /bob "));
}

TEST_F(ProxiedAuthentication, AnIdleConnectionIsClosedForARequestWithoutASlot) {
  Transport::Options options;
  options.max_connections = 1;
  start(options);
  Wire alice = client();
  Wire bob = client();
  Wire of_alice = authenticate(alice);
  const Wire of_bob = comes_on_a_new_one(bob, get_with("/bob"));
  EXPECT_TRUE(of_alice.at_end());
}

// --- the lifetime of a connection --------------------------------------------------------------

TEST_F(ProxiedAuthentication, AConnectionEndsWithItsClient) {
  Wire alice = client();
  const Wire bob = client();
  Wire of_alice = authenticate(alice);
  alice.close();
  EXPECT_TRUE(of_alice.at_end());
  EXPECT_EQ(statistics().open, 0u);
}

TEST_F(ProxiedAuthentication, AConnectionEndsWithItsClientDuringAHandshake) {
  Wire alice = client();
  Wire of_alice = begin_handshake(alice);
  alice.close();
  EXPECT_TRUE(of_alice.at_end());
  EXPECT_EQ(statistics().idle, 0u);
}

TEST_F(ProxiedAuthentication, AConnectionEndsWithItsClientDuringARequest) {
  Wire alice = client();
  Wire of_alice = authenticate(alice);
  alice.send(get_with("/slow"));
  EXPECT_THAT(of_alice.receive(), StartsWith("GET /slow "));
  alice.close();
  network_.advance(1s);  // the transport notices within a second that the client has left
  EXPECT_TRUE(of_alice.at_end());
  EXPECT_EQ(statistics().open, 0u);
}

// The transport may never see the client leave, for example if a request outlives the client.
TEST_F(ProxiedAuthentication, AnIdleConnectionIsClosedEventually) {
  Server::Options server;
  server.idle_timeout = 1h;
  start({}, server);
  Wire alice = client();
  Wire of_alice = authenticate(alice);
  network_.advance(119s);
  EXPECT_FALSE(of_alice.at_end());
  network_.advance(2s);
  EXPECT_TRUE(of_alice.at_end());
}

TEST_F(ProxiedAuthentication, HonorsTheUpstreamsKeepAliveTimeout) {
  Wire alice = client();
  Wire of_alice = begin_handshake(alice);
  exchange(alice, of_alice, get_with("/last", kLast),
           "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=11\r\nContent-Length: 0\r\n\r\n");
  network_.advance(9s);
  EXPECT_FALSE(of_alice.at_end());
  network_.advance(2s);
  EXPECT_TRUE(of_alice.at_end());
}

TEST_F(ProxiedAuthentication, AnOverusedConnectionClosesAfterTheHandshake) {
  Transport::Options options;
  options.max_connection_requests = 1;
  start(options);
  Wire alice = client();
  Wire of_alice = begin_handshake(alice);
  exchange(alice, of_alice, get_with("/last", kLast), ok("alice"));
  EXPECT_TRUE(of_alice.at_end());
}

TEST_F(ProxiedAuthentication, TheMaximumAgeDoesNotEndAHandshake) {
  Transport::Options options;
  options.max_connection_age = 10s;
  start(options);
  Wire alice = client();
  Wire slow = client();
  alice.send(get_with("/alice"));
  Wire of_alice = backend();
  of_alice.receive();
  network_.advance(11s);
  of_alice.send("HTTP/1.1 200 OK\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(status_of(alice.receive()), 200);
  EXPECT_TRUE(of_alice.at_end());  // too old, and not in a handshake
  alice.send(get_with("/first", kFirst));
  Wire next = backend();
  next.receive();
  network_.advance(11s);
  next.send(kChallenge);
  EXPECT_EQ(status_of(alice.receive()), 401);
  network_.advance(1s);
  exchange(alice, next, get_with("/last", kLast), ok("alice"));
  EXPECT_TRUE(next.at_end());
}

// --- HTTP/2 clients ----------------------------------------------------------------------------

// A client with one HTTP/2 connection, on which each request has a stream.
class H2Client {
 public:
  enum class Begins : std::uint8_t { at_once, with_its_first_request };
  explicit H2Client(Wire wire, Begins when = Begins::at_once)
      : wire_(std::move(wire)),
        to_say_(std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0)) {
    if (when == Begins::at_once) wire_.send(std::exchange(to_say_, {}));
  }
  std::uint32_t get(std::string_view path, std::string_view authorization = {}) {
    const std::uint32_t stream = std::exchange(next_, next_ + 2);
    std::string block = h2_frames::block(
        {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", path}});
    if (!authorization.empty()) block += h2_frames::block({{"authorization", authorization}});
    to_say_ += h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream,
                                stream, block);
    wire_.send(std::exchange(to_say_, {}));
    return stream;
  }
  test::H2Peer::Message& answer(std::uint32_t stream) {
    peer_.take(wire_.receive());
    return peer_.streams()[stream];
  }
  void close() { wire_.close(); }

 private:
  Wire wire_;
  std::string to_say_;
  test::H2Peer peer_;
  std::uint32_t next_ = 1;
};

// A client connection that switches from HTTP/1 to HTTP/2 is still the same client.
TEST_F(ProxiedAuthentication, AClientThatSwitchesToHttp2HasNotEnded) {
  start({});
  Wire other = client();
  other.send(get_with("/warm"));
  Wire of_alice = backend();
  of_alice.receive();
  of_alice.send(ok("warm"));
  EXPECT_EQ(status_of(other.receive()), 200);
  H2Client alice(network_.connect("proxy:80"), H2Client::Begins::with_its_first_request);
  const auto first = alice.get("/first", "NTLM TlRMTVNTUAAB");
  EXPECT_THAT(of_alice.receive(), StartsWith("GET /first "));
  of_alice.send(kChallenge);
  EXPECT_TRUE(alice.answer(first).ended);
  const auto last = alice.get("/last", "NTLM TlRMTVNTUAAD");
  EXPECT_THAT(of_alice.receive(), StartsWith("GET /last "));
  of_alice.send(ok("alice"));
  EXPECT_EQ(alice.answer(last).body, "alice");
}

TEST_F(ProxiedAuthentication, AnHttp2ConnectionIsOneClient) {
  start({});
  H2Client alice(network_.connect("proxy:80"));
  H2Client bob(network_.connect("proxy:80"));
  const auto first = alice.get("/first", "NTLM TlRMTVNTUAAB");
  Wire of_alice = backend();
  EXPECT_THAT(of_alice.receive(), StartsWith("GET /first "));
  of_alice.send(kChallenge);
  EXPECT_TRUE(alice.answer(first).ended);
  // Requests of alice without credentials do not interfere meanwhile.
  const auto other = alice.get("/other");
  Wire plain = backend();
  EXPECT_THAT(plain.receive(), StartsWith("GET /other "));
  const auto last = alice.get("/last", "NTLM TlRMTVNTUAAD");
  EXPECT_THAT(of_alice.receive(), StartsWith("GET /last "));
  of_alice.send(ok("alice"));
  EXPECT_EQ(alice.answer(last).body, "alice");
  plain.send(ok("other"));
  EXPECT_EQ(alice.answer(other).body, "other");
  // After the handshake, requests without credentials use her connection. Bob shares the other one.
  const auto again = alice.get("/again");
  EXPECT_THAT(of_alice.receive(), StartsWith("GET /again "));
  of_alice.send(ok("again"));
  EXPECT_EQ(alice.answer(again).body, "again");
  bob.get("/bob");
  EXPECT_THAT(plain.receive(), StartsWith("GET /bob "));
  bob.get("/bob-too");
  Wire second = backend();
  EXPECT_THAT(second.receive(), StartsWith("GET /bob-too "));
  EXPECT_FALSE(of_alice.at_end());
  alice.close();
  EXPECT_TRUE(of_alice.at_end());
}

// --- HTTP/2 upstreams --------------------------------------------------------------------------

class AuthenticationOverHttp2 : public ::testing::Test {
 protected:
  // Starts a proxy whose upstream has this URL.
  void start(std::string_view url) {
    network_.listen("up.example:443");
    network_.listen("up.example:80");
    Transport::Options transport = network_.transport_options();
    transport.tls.ca_file = certificates_.ca_file();
    ReverseProxy::Options proxy;
    proxy.transport = std::make_shared<Transport>(transport);
    proxy.rewrite = [to = std::string(url)](ProxyRequest& request) {
      request.set_url(Url::parse(to).value());
    };
    network_.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(proxy)),
                   exchanges_.options());
  }
  test::TlsSide side(std::string_view protocol) {
    return test::TlsSide::server(certificates_.sign("up", "DNS:up.example"), protocol);
  }

  TestCertificates certificates_;
  test::ExchangeLog exchanges_;
  Network network_;
};

TEST_F(AuthenticationOverHttp2, FailsWithPriorKnowledge) {
  start("h2c://up.example");
  Wire alice = network_.connect("proxy:80");
  alice.send(get_with("/", kFirst));
  EXPECT_EQ(status_of(alice.receive()), 502);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::http1_needed));
  EXPECT_THROW(network_.accept("up.example:80"), std::out_of_range);
}

TEST_F(AuthenticationOverHttp2, UsesHttp1IfAlpnOffersBoth) {
  start("https://up.example");
  const test::TlsSide h2 = side("h2");
  const test::TlsSide h1 = side("http/1.1");
  Wire bob = network_.connect("proxy:80");
  bob.send(get_with("/bob"));
  Wire shared = network_.accept("up.example:443");
  test::TlsPeer shared_peer(h2);
  EXPECT_TRUE(shared_peer.shake_hands(shared));  // the proxy offers HTTP/2, the upstream chooses it
  Wire alice = network_.connect("proxy:80");
  alice.send(get_with("/first", kFirst));
  Wire wire = network_.accept("up.example:443");
  test::TlsPeer peer(h1);
  EXPECT_TRUE(peer.shake_hands(wire));
  EXPECT_THAT(peer.content(), StartsWith("GET /first HTTP/1.1\r\n"));
  wire.send(peer.seal(kChallenge));
  EXPECT_EQ(status_of(alice.receive()), 401);
  alice.send(get_with("/last", kLast));
  peer.take(wire.receive());
  EXPECT_THAT(peer.content(), StartsWith("GET /last HTTP/1.1\r\n"));
  wire.send(peer.seal("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(status_of(alice.receive()), 200);
  // Later requests of alice use the authenticated connection, not the shared one.
  alice.send(get_with("/again"));
  peer.take(wire.receive());
  EXPECT_THAT(peer.content(), StartsWith("GET /again HTTP/1.1\r\n"));
}

TEST_F(AuthenticationOverHttp2, FailsIfAlpnOffersOnlyHttp2) {
  start("https://up.example");
  const test::TlsSide h2 = side("h2");
  Wire alice = network_.connect("proxy:80");
  alice.send(get_with("/first", kFirst));
  Wire wire = network_.accept("up.example:443");
  test::TlsPeer peer(h2);
  EXPECT_FALSE(peer.shake_hands(wire));
  EXPECT_EQ(status_of(alice.receive()), 502);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::http1_needed))
      << exchanges_.last().failure->to_string();
}

}  // namespace
}  // namespace onehop
