// SPDX-License-Identifier: Apache-2.0
//
// Server::Options::request_ids, and the values of X-Request-ID and traceparent in the records of
// exchanges.
#include "server/h1_exchange.hpp"
#include "support/served.hpp"
#include "support/vocabulary.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

namespace onehop::server {
namespace {

using namespace test::vocabulary;

class RequestIds : public test::Served {
 protected:
  // Connects to a handler that responds with the request ID that it sees.
  Wire connect_to_teller(Server::Options options) {
    return connect(
        [](const Request& in) {
          std::string seen;
          for (const std::string_view id : in.headers().get_all("X-Request-ID"))
            seen.append("<").append(id).append(">");
          return Response(Status::ok, std::move(seen));
        },
        std::move(options));
  }
  static std::string get_with(std::string_view lines) {
    return "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n";
  }
  static bool is_made(std::string_view id) {
    return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  }

  const std::vector<std::string> everybody_ = {"0.0.0.0/0", "::/0", "unix"};
};

TEST_F(RequestIds, AreUnchangedByDefault) {
  Wire client = connect_to_teller({});
  client.send(get_with("X-Request-ID: abc\r\n"));
  EXPECT_EQ(body_of(client.receive()), "<abc>");
  EXPECT_EQ(exchanges_.last().request_id, "abc");
  client.send(kGet);
  EXPECT_EQ(body_of(client.receive()), "");
  EXPECT_EQ(exchanges_.last().request_id, "");
}

TEST_F(RequestIds, ReplaceTheIdsOfUntrustedClients) {
  Wire client = connect_to_teller({.request_ids = true});
  client.send(get_with("X-Request-ID: abc\r\nx-request-id: def\r\n"));
  EXPECT_EQ(body_of(client.receive()), "<" + exchanges_.last().request_id + ">");
  const std::string first = exchanges_.last().request_id;
  EXPECT_TRUE(is_made(first)) << first;
  client.send(kGet);
  EXPECT_EQ(body_of(client.receive()), "<" + exchanges_.last().request_id + ">");
  EXPECT_TRUE(is_made(exchanges_.last().request_id));
  EXPECT_NE(exchanges_.last().request_id, first);
}

TEST_F(RequestIds, AreKeptFromATrustedPeer) {
  Wire client = connect_to_teller({.trust = everybody_, .request_ids = true});
  client.send(get_with("X-Request-ID: abc\r\n"));
  EXPECT_EQ(body_of(client.receive()), "<abc>");
  EXPECT_EQ(exchanges_.last().request_id, "abc");
  client.send(get_with("X-Request-ID: \r\n"));
  EXPECT_EQ(body_of(client.receive()), "<" + exchanges_.last().request_id + ">");
  EXPECT_TRUE(is_made(exchanges_.last().request_id));
}

TEST_F(RequestIds, AppearInErrorResponses) {
  Wire client = connect([](const Request&) -> Response { throw std::runtime_error("a fault"); },
                        {.request_ids = true});
  client.send(kGet);
  const std::string failed = client.receive();
  EXPECT_EQ(status_of(failed), 500);
  EXPECT_THAT(failed, HasSubstr("Request ID: " + exchanges_.last().request_id + "\n"));
  client.send(get_with("Expect: the unexpected\r\n"));
  const std::string refused = client.receive();
  EXPECT_EQ(status_of(refused), 417);
  EXPECT_TRUE(is_made(exchanges_.last().request_id));
  EXPECT_THAT(refused, HasSubstr("Request ID: " + exchanges_.last().request_id + "\n"));
}

TEST_F(RequestIds, TheTraceIdComesFromAValidTraceparent) {
  Wire client = connect_to_teller({});
  client.send(get_with("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"));
  client.receive();
  EXPECT_EQ(exchanges_.last().trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  client.send(get_with("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-0-01\r\n"));
  client.receive();
  EXPECT_EQ(exchanges_.last().trace_id, "");
}

}  // namespace
}  // namespace onehop::server
