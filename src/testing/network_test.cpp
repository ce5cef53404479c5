// SPDX-License-Identifier: Apache-2.0
//
// The in-memory network itself: its guarantees for the tests that use it.
#include <onehop/testing.hpp>

#include "base/held_memory.hpp"
#include "support/vocabulary.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace onehop::testing {
namespace {

using namespace test::vocabulary;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

// Tests of wires, with a server or a Transport at their far end.
class NetworkTest : public ::testing::Test {
 protected:
  Wire connect(std::string text = "hello") {
    network_.serve("s:80", recorder(Status::ok, std::move(text)));
    return network_.connect("s:80");
  }
  // Returns a Transport's connection to the test. Its response goes to `client_`.
  Wire accept_through_a_proxy() {
    network_.listen("backend:80");
    const auto transport = std::make_shared<Transport>(network_.transport_options());
    network_.serve("proxy:80", make_handler([transport](Request request) -> task<Response> {
                     request.set_url(Url::parse("http://backend/").value());
                     auto response = co_await transport->round_trip(std::move(request));
                     if (!response) co_return Response(Status::bad_gateway);
                     co_return std::move(*response);
                   }),
                   exchanges_.options());
    client_ = std::make_unique<Wire>(network_.connect("proxy:80"));
    client_->send(kGet);
    return network_.accept("backend:80");
  }

  test::ExchangeLog exchanges_;
  Network network_;
  std::unique_ptr<Wire> client_;
};

TEST_F(NetworkTest, ServesAClientAtOnce) {
  Wire client = connect();
  client.send(kGet);
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_EQ(body_of(answer), "hello");
  EXPECT_EQ(client.receive(), "");
  EXPECT_FALSE(client.at_end());
}

TEST_F(NetworkTest, ThrowsForAnUnservedAddress) {
  EXPECT_THROW(network_.connect("s:80"), std::out_of_range);
  EXPECT_THROW(network_.accept("backend:80"), std::out_of_range);
  network_.listen("backend:80");
  EXPECT_THROW(network_.accept("backend:80"), std::out_of_range);
}

TEST_F(NetworkTest, RefusesATransportAtAnUnusedAddress) {
  const Transport transport(network_.transport_options());
  Request get(Method::get, Url::parse("http://nobody/").value());
  auto work = [&]() -> task<Result<Response>> {
    co_return co_await with_timeout(10ms, transport.round_trip(std::move(get)));
  };
  EXPECT_THROW(network_.run(work()), std::runtime_error);  // it retries later
}

TEST_F(NetworkTest, ReplacesTheServerAtAnAddress) {
  Wire old = connect("one");
  Wire fresh = connect("two");
  EXPECT_TRUE(old.at_end());
  fresh.send(kGet);
  EXPECT_EQ(body_of(fresh.receive()), "two");
}

TEST_F(NetworkTest, RefusesConnectionsAfterRefuse) {
  Wire served = connect();
  network_.refuse("s:80");
  EXPECT_TRUE(served.at_end());
  EXPECT_THROW(network_.connect("s:80"), std::out_of_range);
  EXPECT_TRUE(connect("again").receive().empty());

  Wire backend = accept_through_a_proxy();
  network_.refuse("backend:80");
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(body_of(client_->receive()), "ok") << "it was there before";
  backend.close();
  client_->send(kGet);
  network_.advance(1s);
  EXPECT_EQ(status_of(client_->receive()), 502);
  network_.refuse("nobody:80");
}

TEST_F(NetworkTest, QueuesConnectionsUntilAccepted) {
  Wire backend = accept_through_a_proxy();
  EXPECT_THROW(network_.accept("backend:80"), std::out_of_range);
  EXPECT_THAT(backend.receive(), StartsWith("GET / HTTP/1.1\r\n"));
  backend.send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(status_of(client_->receive()), 204);
}

// --- wires -------------------------------------------------------------------------------------

TEST_F(NetworkTest, SendsMoreThanAConnectionHoldsInLaterCalls) {
  Wire backend = accept_through_a_proxy();
  backend.receive();
  const std::string content(1'000'000, 'x');
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + content);
  std::string received = client_->receive();
  EXPECT_LT(received.size(), content.size());
  while (body_of(received).size() < content.size()) {
    EXPECT_EQ(backend.receive(), "");
    const std::string piece = client_->receive();
    ASSERT_NE(piece, "");
    received += piece;
  }
  EXPECT_TRUE(body_of(received) == content);
}

TEST_F(NetworkTest, DistinguishesAnEndFromAReset) {
  {
    Wire backend = accept_through_a_proxy();
    client_->close_write();
    EXPECT_FALSE(backend.at_end());  // the request can be received
    backend.receive();
    EXPECT_TRUE(backend.at_end());
  }
  for (const bool reset : {false, true}) {
    Wire backend = accept_through_a_proxy();
    backend.receive();
    backend.send("HTTP/1.0 200 OK\r\n\r\npart");
    if (reset) {
      backend.reset();
    } else {
      backend.close();
    }
    EXPECT_TRUE(backend.at_end());
    const std::string answer = client_->receive();
    EXPECT_EQ(count_of("\r\n0\r\n\r\n", answer), reset ? 0 : 1);
  }
}

TEST_F(NetworkTest, ClosesWithAResetWhileDataIsUnsent) {
  Wire backend = accept_through_a_proxy();
  backend.receive();
  backend.send("HTTP/1.0 200 OK\r\n\r\n" + std::string(1'000'000, 'x'));
  backend.close();
  EXPECT_EQ(count_of("\r\n0\r\n\r\n", client_->receive()), 0);
  EXPECT_TRUE(client_->at_end());
}

TEST_F(NetworkTest, CloseWriteStillDeliversTheResponse) {
  Wire client = connect();
  client.send(kGet);
  client.close_write();
  EXPECT_EQ(status_of(client.receive()), 200);
  EXPECT_TRUE(client.at_end());
  EXPECT_FALSE(client.was_reset());
}

TEST_F(NetworkTest, AWireHasNotEndedWhileDataIsUnread) {
  Wire client = connect();
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(client.at_end());
  client.receive();
  EXPECT_TRUE(client.at_end());
}

TEST_F(NetworkTest, ClosesADestroyedWire) {
  bool gone = false;
  network_.serve("s:80", make_handler([&gone](Request) -> task<Response> {
                   struct Witness {
                     explicit Witness(bool& f) : flag(f) {}
                     ~Witness() { flag = true; }
                     bool& flag;
                   } const witness(gone);
                   co_await sleep_for(1h);
                   co_return Response(Status::ok);
                 }));
  {
    Wire client = network_.connect("s:80");
    client.send(kGet);
    EXPECT_FALSE(gone);
  }
  EXPECT_TRUE(gone);
}

TEST_F(NetworkTest, LimitsWhatAWireReceives) {
  constexpr std::size_t kSize = 200'000;
  Wire client = connect(std::string(kSize, 'x'));
  client.limit_receiving(0);
  client.send(kGet);
  network_.advance(1s);
  EXPECT_EQ(client.receive(), "");
  client.limit_receiving(5);
  EXPECT_EQ(client.receive(), "HTTP/");
  EXPECT_EQ(client.receive(), "");
  client.limit_receiving(kSize / 2);
  EXPECT_EQ(client.receive().size(), kSize / 2);
  client.limit_receiving(no_limit);
  std::string rest = client.receive();
  for (std::string more = rest; !more.empty(); rest += more)
    more = client.receive();
  EXPECT_GT(rest.size(), kSize / 2);
  EXPECT_FALSE(client.at_end());
}

TEST_F(NetworkTest, EndsAClientThatDoesNotRead) {
  Wire client = connect(std::string(std::size_t{1} << 20, 'x'));
  client.limit_receiving(0);
  client.send(kGet);
  network_.advance(2min);  // longer than write_timeout
  client.limit_receiving(no_limit);
  (void)client.receive();
  EXPECT_TRUE(client.at_end());
}

TEST_F(NetworkTest, RejectsRequestsPastTheMemoryCeiling) {
  Server::Options options = exchanges_.options();
  report_held_memory();  // earlier tests have run
  options.max_memory = held_memory() + (std::uint64_t{1} << 20U);
  network_.serve("s:80", make_handler([](Request) -> task<Response> {
                   co_await sleep_for(1s);
                   co_return Response(Status::ok);
                 }),
                 options);
  std::vector<Wire> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(network_.connect("s:80"));
    clients.back().send(kGet);
  }
  EXPECT_EQ(status_of(clients.back().receive()), 503);
  network_.advance(1s);
  EXPECT_EQ(status_of(clients.front().receive()), 200);
}

// --- time --------------------------------------------------------------------------------------

TEST_F(NetworkTest, TimeMovesOnlyWithAdvance) {
  std::vector<int> rung;
  network_.serve("s:80", make_handler([&rung](Request request) -> task<Response> {
                   const int seconds = std::stoi(std::string(request.url().path().substr(1)));
                   co_await sleep_for(std::chrono::seconds(seconds));
                   rung.push_back(seconds);
                   co_return Response(Status::ok);
                 }));
  std::vector<Wire> clients;
  for (const char* seconds : {"3", "1", "2"}) {
    clients.push_back(network_.connect("s:80"));
    clients.back().send("GET /" + std::string(seconds) + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  EXPECT_TRUE(rung.empty());
  network_.advance(1500ms);
  EXPECT_EQ(rung, std::vector<int>({1}));
  network_.advance(1500ms);
  EXPECT_EQ(rung, std::vector<int>({1, 2, 3}));
}

TEST_F(NetworkTest, RunsATaskToItsEnd) {
  EXPECT_EQ(network_.run([]() -> task<int> { co_return 42; }()), 42);
  const auto thrower = []() -> task<int> {
    throw std::logic_error("no");
    co_return 0;
  };
  EXPECT_THROW(network_.run(thrower()), std::logic_error);
}

TEST_F(NetworkTest, DoesNotRunATaskThatWaitsForTime) {
  const auto waits = []() -> task<int> {
    co_await sleep_for(1s);
    co_return 1;
  };
  EXPECT_THROW(network_.run(waits()), std::runtime_error);
}

}  // namespace
}  // namespace onehop::testing
