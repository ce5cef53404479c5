// SPDX-License-Identifier: Apache-2.0
//
// Connections to the backend begin with the PROXY header of their client.
#include "net/proxy_header.hpp"
#include "support/proxied.hpp"
#include "support/vocabulary.hpp"

#include <string>
#include <string_view>

namespace onehop {
namespace {

using namespace test::vocabulary;

class ProxiedSendProxy : public test::Proxied {
 protected:
  // Returns a client whose address a balancer states in a PROXY header.
  Wire client_at(std::string_view ip) {
    Transport::Options options;
    options.send_proxy = true;
    if (!transport_) start_with(options);
    Wire client = this->client();
    client.send("PROXY TCP4 " + std::string(ip) + " 198.51.100.1 7 80\r\n");
    return client;
  }
  void start_with(const Transport::Options& options) {
    Server::Options server;
    server.proxy_protocol = {"192.0.2.1"};
    start(options, server);
  }
  // Checks that the connection begins with the header of this client, and returns the rest.
  static std::string after_header(Wire& backend, std::string_view client) {
    const std::string received = backend.receive();
    const auto read = net::read_proxy_header(received);
    EXPECT_TRUE(read && read->complete && read->complete->ends) << received;
    if (!read || !read->complete || !read->complete->ends) return received;
    EXPECT_EQ(read->complete->ends->client.to_string(), client);
    return received.substr(read->size);
  }
  // Does the first exchange of a client, and returns its connection to the backend.
  Wire first_exchange(Wire& client, std::string_view ip) {
    client.send(get("/first"));
    Wire backend = this->backend();
    EXPECT_THAT(after_header(backend, std::string(ip) + ":7"), StartsWith("GET /first "));
    backend.send(ok("first"));
    EXPECT_EQ(body_of(client.receive()), "first");
    return backend;
  }
  void exchange(Wire& client, Wire& backend, std::string_view text) {
    client.send(get("/" + std::string(text)));
    EXPECT_THAT(backend.receive(), StartsWith("GET /" + std::string(text) + " "));
    backend.send(ok(text));
    EXPECT_EQ(body_of(client.receive()), text);
  }
};

TEST_F(ProxiedSendProxy, EachClientHasItsOwnConnections) {
  Wire alice = client_at("203.0.113.1");
  Wire of_alice = first_exchange(alice, "203.0.113.1");
  Wire bob = client_at("203.0.113.2");
  Wire of_bob = first_exchange(bob, "203.0.113.2");
  EXPECT_EQ(transport_->statistics().idle, 2u);
  exchange(alice, of_alice, "again");
  exchange(bob, of_bob, "too");
  EXPECT_TRUE(nobody_connects());
  EXPECT_EQ(transport_->statistics().upstreams.size(), 1u) << "it is one upstream";
}

// Another connection from the same address is another client.
TEST_F(ProxiedSendProxy, AConnectionEndsWithItsClient) {
  Wire first = client_at("203.0.113.1");
  Wire of_first = first_exchange(first, "203.0.113.1");
  EXPECT_FALSE(of_first.at_end());
  first.close();
  EXPECT_TRUE(of_first.at_end());
  EXPECT_EQ(transport_->statistics().open, 0u);
  Wire second = client_at("203.0.113.1");
  second.send(get());
  Wire of_second = backend();
  EXPECT_THAT(after_header(of_second, "203.0.113.1:7"), StartsWith("GET / "));
}

TEST_F(ProxiedSendProxy, IdleConnectionsAreClosedForOtherClientsAtTheLimit) {
  Transport::Options options;
  options.send_proxy = true;
  options.max_connections = 1;
  start_with(options);
  Wire alice = client_at("203.0.113.1");
  Wire of_alice = first_exchange(alice, "203.0.113.1");
  Wire bob = client_at("203.0.113.2");
  bob.send(get());
  EXPECT_TRUE(of_alice.at_end()) << "one that is idle";
  Wire of_bob = backend();
  EXPECT_THAT(after_header(of_bob, "203.0.113.2:7"), StartsWith("GET / "));
  alice.send(get("/waits"));
  EXPECT_TRUE(nobody_connects());
  of_bob.send(ok("2"));
  EXPECT_EQ(body_of(bob.receive()), "2");
  EXPECT_TRUE(of_bob.at_end()) << "its slot is for the request that waits";
  Wire again = backend();
  EXPECT_THAT(after_header(again, "203.0.113.1:7"), StartsWith("GET /waits "));
}

TEST_F(ProxiedSendProxy, AFullPoolKeepsTheConnectionsThatItHas) {
  Transport::Options options;
  options.send_proxy = true;
  options.pool_size = 1;
  start_with(options);
  Wire alice = client_at("203.0.113.1");
  alice.send(get());
  Wire of_alice = backend();
  after_header(of_alice, "203.0.113.1:7");
  of_alice.send(ok("1"));
  Wire bob = client_at("203.0.113.2");
  Wire of_bob = first_exchange(bob, "203.0.113.2");
  EXPECT_TRUE(of_bob.at_end());
  EXPECT_FALSE(of_alice.at_end());
  EXPECT_EQ(transport_->statistics().idle, 1u);
}

TEST_F(ProxiedSendProxy, ARetryNamesTheClientToo) {
  Wire alice = client_at("203.0.113.1");
  {
    Wire of_alice = first_exchange(alice, "203.0.113.1");
    alice.send(get("/second"));
    of_alice.reset();  // as if the backend had closed the connection before its reuse
  }
  Wire fresh = backend();
  EXPECT_THAT(after_header(fresh, "203.0.113.1:7"), StartsWith("GET /second "));
  fresh.send(ok("second"));
  EXPECT_EQ(body_of(alice.receive()), "second");
}

// A program's own requests do not belong to a client.
TEST_F(ProxiedSendProxy, IsLocalForRequestsThatNoServerReceived) {
  Transport::Options options = network_.transport_options();
  options.send_proxy = true;
  const auto transport = std::make_shared<Transport>(options);
  std::string received;
  network_.serve("proxy:80", make_handler([transport](Request) -> task<Response> {
                   auto response = co_await transport->round_trip(
                       Request(Method::get, Url::parse("http://backend/own").value()));
                   co_return response ? std::move(*response) : Response(Status::bad_gateway);
                 }));
  Wire client = network_.connect("proxy:80");
  client.send(get());
  Wire of_program = backend();
  received = of_program.receive();
  const std::string local = net::write_proxy_header({});
  EXPECT_THAT(received, StartsWith(local + "GET /own "));
}

}  // namespace
}  // namespace onehop
