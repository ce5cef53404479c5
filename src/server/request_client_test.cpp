// SPDX-License-Identifier: Apache-2.0
//
// The client of a request over both versions of HTTP, as the handler and the record see it.

#include "support/h2_frames.hpp"
#include "support/h2_peer.hpp"
#include "support/served.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The peer is always 192.0.2.1.
class RequestClient : public test::Served {
 protected:
  // Sends a request with each of these values of X-Forwarded-For, over one connection.
  void ask_h1(const std::vector<std::string>& values, std::vector<std::string> trust) {
    auto wire = connect_for(std::move(trust));
    for (const std::string& value : values)
      wire.send("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: " + value + "\r\n\r\n");
    record_exchanges();
  }
  void ask_h2(const std::vector<std::string>& values, std::vector<std::string> trust) {
    auto wire = connect_for(std::move(trust));
    wire.send(std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0));
    std::uint32_t stream = 1;
    for (const std::string& value : values) {
      const std::string head = h2_frames::block({{":method", "GET"},
                                                 {":scheme", "http"},
                                                 {":authority", "h"},
                                                 {":path", "/"},
                                                 {"x-forwarded-for", value}});
      wire.send(h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream,
                                 stream, head));
      stream += 2;
    }
    record_exchanges();
  }

  std::vector<std::string> told_;      // client, peer and trust, as handlers saw them
  std::vector<std::string> recorded_;  // the client and the peer

 private:
  testing::Wire connect_for(std::vector<std::string> trust) {
    Server::Options options;
    options.trust = std::move(trust);
    return connect(
        [this](const Request& request) {
          const ConnectionInfo& facts = request.connection();
          told_.push_back(std::string(facts.client) + " " + std::string(facts.peer) +
                          (facts.peer_is_trusted ? " trusted" : ""));
          return Response(Status::ok);
        },
        std::move(options));
  }
  void record_exchanges() {
    for (std::size_t i = 0; i < exchanges_.size(); ++i)
      recorded_.push_back(exchanges_.at(i).client + " " + exchanges_.at(i).peer);
  }
};

TEST_F(RequestClient, IsThePeerUnlessThePeerIsTrusted) {
  ask_h1({"203.0.113.9", "203.0.113.8"}, {"10.0.0.0/8"});
  EXPECT_THAT(told_, ElementsAre("192.0.2.1 192.0.2.1", "192.0.2.1 192.0.2.1"));
  EXPECT_THAT(recorded_, ElementsAre("192.0.2.1 192.0.2.1", "192.0.2.1 192.0.2.1"));
}

TEST_F(RequestClient, IsThePeerUnlessThePeerIsTrustedOverHttp2) {
  ask_h2({"203.0.113.9", "203.0.113.8"}, {"10.0.0.0/8"});
  EXPECT_THAT(told_, ElementsAre("192.0.2.1 192.0.2.1", "192.0.2.1 192.0.2.1"));
  EXPECT_THAT(recorded_, ElementsAre("192.0.2.1 192.0.2.1", "192.0.2.1 192.0.2.1"));
}

TEST_F(RequestClient, DiffersForEachRequestOfATrustedPeer) {
  ask_h1({"203.0.113.9", "[2001:DB8::8]:80, 192.0.2.1:1", "junk", "", "198.51.100.1,x"},
         {"192.0.2.1"});
  EXPECT_THAT(told_, ElementsAre("203.0.113.9 192.0.2.1 trusted", "2001:db8::8 192.0.2.1 trusted",
                                 "192.0.2.1 192.0.2.1 trusted", "192.0.2.1 192.0.2.1 trusted",
                                 "192.0.2.1 192.0.2.1 trusted"));
  EXPECT_THAT(recorded_,
              ElementsAre("203.0.113.9 192.0.2.1", "2001:db8::8 192.0.2.1", "192.0.2.1 192.0.2.1",
                          "192.0.2.1 192.0.2.1", "192.0.2.1 192.0.2.1"));
}

TEST_F(RequestClient, DiffersForEachRequestOfATrustedPeerOverHttp2) {
  ask_h2({"203.0.113.9", "[2001:DB8::8]:80, 192.0.2.1:1", "junk"}, {"192.0.2.1"});
  EXPECT_THAT(told_, ElementsAre("203.0.113.9 192.0.2.1 trusted", "2001:db8::8 192.0.2.1 trusted",
                                 "192.0.2.1 192.0.2.1 trusted"));
  EXPECT_THAT(recorded_,
              ElementsAre("203.0.113.9 192.0.2.1", "2001:db8::8 192.0.2.1", "192.0.2.1 192.0.2.1"));
}

// The record has the client.
TEST_F(RequestClient, IsRecordedForARefusedRequest) {
  Server::Options options;
  options.trust = {"192.0.2.0/24"};
  auto wire = connect([](const Request&) { return Response(Status::ok); }, std::move(options));
  wire.send("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n");
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().status, 501);
  EXPECT_EQ(exchanges_.last().client, "203.0.113.9");
}

TEST_F(RequestClient, IsRecordedForARefusedHttp2Request) {
  Server::Options options;
  options.trust = {"192.0.2.0/24"};
  auto wire = connect([](const Request&) { return Response(Status::ok); }, std::move(options));
  const std::string head = h2_frames::block(
      {{":method", "CONNECT"}, {":authority", "h:1"}, {"x-forwarded-for", "203.0.113.9"}});
  const std::string malformed = h2_frames::block({{":method", "GET"},
                                                  {":scheme", "http"},
                                                  {":path", "/"},
                                                  {":authority", "h"},
                                                  {"x-forwarded-for", "203.0.113.8"},
                                                  {"connection", "close"}});
  wire.send(std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0) +
            h2_frames::head(1, head, true));
  wire.send(h2_frames::head(3, malformed, true));
  ASSERT_EQ(exchanges_.size(), 2u);
  EXPECT_EQ(exchanges_.at(0).status, 501);
  EXPECT_EQ(exchanges_.at(0).client, "203.0.113.9");
  EXPECT_EQ(exchanges_.at(1).client, "203.0.113.8");
}

TEST_F(RequestClient, IsThePeerIfTheHeadIsMalformed) {
  Server::Options options;
  options.trust = {"192.0.2.0/24"};
  auto wire = connect([](const Request&) { return Response(Status::ok); }, std::move(options));
  wire.send("BAD\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n");
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().status, 400);
  EXPECT_EQ(exchanges_.last().client, "192.0.2.1");
}

TEST_F(RequestClient, IsInTheLogLineOfAFailure) {
  std::string said;
  Server::Options options;
  options.trust = {"192.0.2.1"};
  options.log = [&said](LogLevel, std::string_view line) { said += line; };
  network_.serve("s:80", make_handler([](const Request&) -> Response { throw 7; }), options);
  auto wire = network_.connect("s:80");
  wire.send("GET /x HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n");
  EXPECT_THAT(
      said, HasSubstr("client=203.0.113.9 peer=192.0.2.1 request=\"GET /x HTTP/1.1\" status=500"));
}

TEST_F(RequestClient, TrustAcceptsOnlyNetworks) {
  Server server({.listen = "127.0.0.1:0", .trust = {"10.0.0.0/8", "example.com"}});
  const auto started = server.start(make_handler([](const Request&) { return Response(); }));
  ASSERT_FALSE(started);
  EXPECT_THAT(std::string(started.error().detail()), HasSubstr("'example.com' is not a network"));
}

}  // namespace
}  // namespace onehop::server
