// SPDX-License-Identifier: Apache-2.0
//
// If a handler sends a status that it may not send, the client gets a 500 over both versions of
// HTTP, and the record has the reason.
#include "support/asking_client.hpp"
#include "support/served.hpp"

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::AskingClient;
using test::Protocol;

struct Mistake {
  const char* name;
  std::function<Response(const Request&)> serve;
  const char* reason;
};

void PrintTo(const Mistake& mistake, std::ostream* out) {
  *out << mistake.name;
}

class ServedStatus : public test::Served, public ::testing::WithParamInterface<Mistake> {};

TEST_P(ServedStatus, RespondsWith500AndRecordsTheReason) {
  for (const Protocol protocol : {Protocol::h1, Protocol::h2}) {
    // The next request on the same connection is served normally.
    auto count = std::make_shared<int>(0);
    const auto client = AskingClient::make(protocol, connect([count](const Request& request) {
                                             if ((*count)++ > 0)
                                               return Response(Status::ok, "fine");
                                             return GetParam().serve(request);
                                           }));
    client->ask({"GET"}, "id");
    const test::Received received = client->answer();
    ASSERT_TRUE(received.is_whole()) << describe(received);
    EXPECT_EQ(received.status, 500);
    ASSERT_TRUE(exchanges_.last().failed_with(Errc::handler_failed));
    EXPECT_EQ(exchanges_.last().failure->detail(), GetParam().reason);
    EXPECT_EQ(exchanges_.last().status, 500);
    if (!client->goes_on()) continue;
    client->ask({"GET"}, "id");
    EXPECT_EQ(client->answer().body, "fine");
  }
}

INSTANTIATE_TEST_SUITE_P(
    All,
    ServedStatus,
    ::testing::Values(Mistake{"FourDigits", [](const Request&) { return Response(Status(1000)); },
                              "status 1000 is not from 100 to 999"},
                      Mistake{"TwoDigits", [](const Request&) { return Response(Status(42)); },
                              "status 42 is not from 100 to 999"},
                      Mistake{"Zero", [](const Request&) { return Response(Status(0)); },
                              "status 0 is not from 100 to 999"},
                      Mistake{"Negative", [](const Request&) { return Response(Status(-200)); },
                              "status -200 is not from 100 to 999"},
                      Mistake{"FinalContinue",
                              [](const Request&) { return Response(Status::continue_); },
                              "the handler gave a 100 as its final response"},
                      Mistake{"FinalEarlyHints",
                              [](const Request&) { return Response(Status::early_hints); },
                              "the handler gave a 103 as its final response"},
                      Mistake{"FinalUnknown", [](const Request&) { return Response(Status(199)); },
                              "the handler gave a 199 as its final response"},
                      Mistake{"InformationalOk",
                              [](const Request& request) {
                                request.send_informational(Response(Status::ok));
                                return Response(Status::ok, "not sent");
                              },
                              "a 200 cannot be sent before the final response"},
                      Mistake{"InformationalSwitch",
                              [](const Request& request) {
                                request.send_informational(Response(Status::switching_protocols));
                                return Response(Status::ok, "not sent");
                              },
                              "a 101 cannot be sent before the final response"}),
    [](const auto& each) { return std::string(each.param.name); });

// Every other code is sent unchanged, registered or not.
class ServedCode : public test::Served {};

TEST_F(ServedCode, SendsAnyCodeFrom200Unchanged) {
  for (const Protocol protocol : {Protocol::h1, Protocol::h2}) {
    auto code = std::make_shared<int>(0);
    const auto client = AskingClient::make(
        protocol, connect([code](const Request&) { return Response(Status(*code)); }));
    for (const int sent : {200, 299, 404, 499, 599, 600, 999}) {
      *code = sent;
      client->ask({"GET"}, "id");
      const test::Received received = client->answer();
      ASSERT_TRUE(received.is_whole()) << describe(received);
      EXPECT_EQ(received.status, sent);
    }
  }
}

}  // namespace
}  // namespace onehop
