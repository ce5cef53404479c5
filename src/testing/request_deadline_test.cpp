// SPDX-License-Identifier: Apache-2.0
//
// The deadline and the values of a request pass through a proxy.
#include <onehop/detail/clock.hpp>
#include <onehop/scope.hpp>

#include "support/proxied.hpp"
#include "transport/deadline.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace std::chrono_literals;
using test::status_of;

class RequestDeadline : public test::Proxied {
 protected:
  // Returns a proxy whose rewrite hook sets a deadline of one second.
  void start_with_deadline(ReverseProxy::Options proxy = {}) {
    transport_ = std::make_shared<Transport>(network_.transport_options());
    proxy.transport = transport_;
    if (!proxy.rewrite) {
      proxy.rewrite = [](ProxyRequest& request) {
        request.set_url(Url::parse("http://backend").value());
        request.out().set_deadline(1s);
      };
    }
    Server::Options options;
    network_.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(proxy)),
                   exchanges_.watch(std::move(options)));
  }
  bool timed_out() { return exchanges_.last().failed_with(Errc::timed_out); }
};

TEST_F(RequestDeadline, EndsAWaitForTheResponse) {
  start_with_deadline();
  auto client = network_.connect("proxy:80");
  client.send(get());
  auto upstream = backend();
  network_.advance(999ms);
  EXPECT_EQ(client.receive(), "");
  EXPECT_FALSE(upstream.at_end());
  network_.advance(1ms);
  EXPECT_EQ(status_of(client.receive()), 504);
  EXPECT_TRUE(timed_out());
  upstream.receive();
  EXPECT_TRUE(upstream.at_end());
}

TEST_F(RequestDeadline, EndsAResponseThatIsTooSlow) {
  start_with_deadline();
  auto client = network_.connect("proxy:80");
  client.send(get());
  auto upstream = backend();
  upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
  EXPECT_EQ(test::body_of(client.receive()), "12345");
  network_.advance(1s);
  client.receive();
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
  EXPECT_TRUE(timed_out());
}

TEST_F(RequestDeadline, DoesNotAffectResponsesInTime) {
  start_with_deadline();
  auto client = network_.connect("proxy:80");
  for (int i = 0; i < 2; ++i) {
    client.send(get());
    auto upstream = backend();
    network_.advance(900ms);
    upstream.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\na\r\n0\r\nX: 1\r\n"
        "Connection: close\r\n\r\n");
    EXPECT_EQ(test::body_of(client.receive()), "1\r\na\r\n0\r\nX: 1\r\n\r\n");
    upstream.close();
    network_.advance(1s);
    EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
  }
}

TEST_F(RequestDeadline, IsCheckedBeforeTheRoundTrip) {
  ReverseProxy::Options proxy;
  proxy.rewrite = [](ProxyRequest& request) {
    request.set_url(Url::parse("http://backend").value());
    request.out().set_deadline(Time());
  };
  start_with_deadline(std::move(proxy));
  auto client = network_.connect("proxy:80");
  client.send(get());
  EXPECT_EQ(status_of(client.receive()), 504);
  EXPECT_TRUE(nobody_connects());
}

TEST_F(RequestDeadline, EndsAHookThatWaits) {
  ReverseProxy::Options proxy;
  proxy.modify_response = [](Response&) -> task<void> { co_await sleep_for(2s); };
  start_with_deadline(std::move(proxy));
  auto client = network_.connect("proxy:80");
  client.send(get());
  auto upstream = backend();
  upstream.send(ok("fine"));
  EXPECT_EQ(client.receive(), "");
  network_.advance(1s);
  EXPECT_EQ(status_of(client.receive()), 504);
  EXPECT_TRUE(timed_out());
}

TEST_F(RequestDeadline, DoesNotAffectAHookThatEndsInTime) {
  ReverseProxy::Options proxy;
  proxy.rewrite = [](ProxyRequest& request) -> task<void> {
    co_await sleep_for(10s);
    request.set_url(Url::parse("http://backend").value());
  };
  start_with_deadline(std::move(proxy));
  auto client = network_.connect("proxy:80");
  client.send(get());
  network_.advance(9s);
  EXPECT_TRUE(nobody_connects());
  network_.advance(1s);
  backend().send(ok("fine"));
  EXPECT_EQ(status_of(client.receive()), 200);
}

TEST(Deadline, IsATimeOrADuration) {
  Request request;
  EXPECT_EQ(request.deadline(), std::nullopt);
  const Time before = detail::now();
  request.set_deadline(5s);
  EXPECT_GE(*request.deadline(), before + 5s);
  EXPECT_EQ(request.clone_head().deadline(), request.deadline());
  request.set_deadline(Time(7s));
  EXPECT_EQ(request.deadline(), Time(7s));
  request.clear_deadline();
  EXPECT_EQ(request.deadline(), std::nullopt);
  request.set_deadline(std::chrono::nanoseconds::max());
  EXPECT_EQ(request.deadline(), std::nullopt);
}

// The read must fail, rather than end the process.
TEST(Deadline, FailsOutsideAnEventLoop) {
  const auto upstream =
      round_tripper_over(make_handler([](Request) { return Response(200, "x"); }));
  Request request(Method::get, Url::parse("http://a/").value());
  request.set_deadline(1h);
  auto made = testing::run(transport::round_trip_until(*upstream, std::move(request)));
  ASSERT_TRUE(made);
  auto reading = made->body().read();
  ASSERT_TRUE(reading.start());
  const auto piece = reading.take();
  ASSERT_FALSE(piece);
  EXPECT_TRUE(piece.error().is(Errc::bad_option));
}

struct Account {
  int number;
};

TEST(RequestValues, AreSeenByTheTransportAndTheRecord) {
  class Look final : public RoundTripper {
   public:
    task<Result<Response>> round_trip(Request request) const override {
      Account& account = *request.values().get<Account>();
      ++account.number;
      co_return Response(200, "fine");
    }
  };
  testing::Network network;
  int recorded = 0;
  Server::Options options;
  options.on_exchange_end = [&recorded](const ExchangeRecord& record) {
    recorded = record.values.get<Account>()->number;
  };
  ReverseProxy::Options proxy;
  proxy.rewrite = [](ProxyRequest& request) {
    request.set_url(Url::parse("http://backend").value());
    request.in().values().set(Account{41});
  };
  proxy.transport = std::make_shared<Look>();
  network.serve("proxy:80", std::make_shared<ReverseProxy>(std::move(proxy)), std::move(options));
  auto client = network.connect("proxy:80");
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 200);
  EXPECT_EQ(recorded, 42);
}

}  // namespace
}  // namespace onehop
