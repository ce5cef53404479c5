// SPDX-License-Identifier: Apache-2.0
//
// Round trips of requests that no proxy would make, and the effects of Options.
#include <onehop/transport.hpp>

#include "support/bodies.hpp"
#include "support/vocabulary.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace onehop {
namespace {

using namespace test::vocabulary;
using test::pieces;

// A handler at "s:80" creates the request of the test and sends it; the test acts as "backend:80".
class TransportTest : public ::testing::Test {
 protected:
  using Make = std::function<Request()>;

  class Sender final : public Handler {
   public:
    explicit Sender(TransportTest& test) : test_(test) {}
    task<Response> serve(Request) const override {
      Request request = test_.make_();
      auto response = co_await test_.transport_->round_trip(std::move(request));
      if (!response) {
        test_.error_ = response.error();
        co_return Response(Status::bad_gateway);
      }
      co_return std::move(*response);
    }

   private:
    TransportTest& test_;
  };

  Wire send(Make make, Transport::Options options = {}) {
    options.dialer = network_.dialer();
    transport_ = std::make_shared<Transport>(options);
    make_ = std::move(make);
    network_.serve("s:80", std::make_shared<Sender>(*this), exchanges_.options());
    Wire client = network_.connect("s:80");
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    return client;
  }
  Wire backend() { return network_.accept("backend:80"); }
  static Request request(Method method, Body body = {}) {
    return Request(method, Url::parse("http://backend/").value(), Headers({{"Host", "backend"}}),
                   std::move(body));
  }
  // Returns a PUT whose body claims to have `length` bytes.
  static Make put(std::vector<std::string> content, std::uint64_t length) {
    return [content, length] {
      auto source = pieces(content);
      source->length_ = length;
      return request(Method::put, Body::from(std::move(source)));
    };
  }

  test::ExchangeLog exchanges_;
  Network network_;
  std::shared_ptr<Transport> transport_;
  Make make_;
  std::optional<Error> error_;
};

// --- bodies of another length than announced ---------------------------------------------------

TEST_F(TransportTest, AbortsARequestWhoseBodyIsTooShort) {
  network_.listen("backend:80");
  Wire client = send(put({"abc"}, 5));
  EXPECT_EQ(status_of(client.receive()), 502);
  ASSERT_TRUE(error_);
  EXPECT_TRUE(error_->is(Errc::handler_failed));
  EXPECT_EQ(error_->side(), Side::local);
  EXPECT_EQ(error_->phase(), Phase::send);
  Wire backend = this->backend();
  EXPECT_THAT(backend.receive(), EndsWith("Content-Length: 5\r\n\r\nabc"));
  EXPECT_TRUE(backend.at_end());
}

// Regression: the data after the failure was sent, and the second request looked complete.
TEST_F(TransportTest, DoesNotResendABodyThatFailed) {
  network_.listen("backend:80");
  Wire client = send([] { return request(Method::get); });
  Wire old = backend();
  old.receive();
  old.send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 204);
  make_ = [] {
    return request(
        Method::put,
        Body::from(std::make_unique<test::FailsOnce>(Error(Errc::truncated, Side::upstream))));
  };
  client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_THAT(old.receive(), EndsWith("half\r\n"));
  EXPECT_TRUE(old.at_end());
  EXPECT_THROW(backend(), std::out_of_range);
}

// There is no client connection to reserve the connection for.
TEST_F(TransportTest, DoesNotPoolAuthenticatedConnectionsWithoutAClient) {
  network_.listen("backend:80");
  struct Case {
    std::string_view request_field;
    std::string_view response_field;
  };
  for (const Case& each : {Case{"Authorization", "X-Nothing"}, Case{"Proxy-Authorization", "X"},
                           Case{"X", "WWW-Authenticate"}, Case{"X", "Proxy-Authenticate"}}) {
    Wire client = send([field = each.request_field] {
      Request request = TransportTest::request(Method::get);
      request.headers().add(field, "Negotiate YII=");
      return request;
    });
    Wire backend = this->backend();
    EXPECT_THAT(backend.receive(), HasSubstr("Negotiate YII="));
    backend.send("HTTP/1.1 200 OK\r\n" + std::string(each.response_field) +
                 ": NTLM\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(status_of(client.receive()), 200);
    EXPECT_TRUE(backend.at_end());
    EXPECT_EQ(transport_->statistics().open, 0u);
  }
}

TEST_F(TransportTest, AbortsARequestWhoseBodyIsTooLong) {
  for (const std::vector<std::string>& content :
       {std::vector<std::string>{"abc", "defgh"}, {"abcdefgh"}, {"abcde", "GET /smuggled"}}) {
    network_.listen("backend:80");
    error_.reset();
    Wire client = send(put(content, 5));
    EXPECT_EQ(status_of(client.receive()), 502);
    ASSERT_TRUE(error_);
    EXPECT_TRUE(error_->is(Errc::handler_failed));
    Wire backend = this->backend();
    EXPECT_LE(body_of(backend.receive()).size(), 5u);
    EXPECT_TRUE(backend.at_end());
  }
}

// Regression: only a reader that was waiting at that moment was woken; all others waited for
// activity_timeout.
TEST_F(TransportTest, AbortsAResponseIfItsRequestFailsDuringDelivery) {
  network_.listen("backend:80");
  Wire client = send([] {
    auto source = pieces({"abc"});
    source->pause_ = 1s;
    source->fails_ = true;
    return request(Method::put, Body::from(std::move(source)));
  });
  Wire backend = this->backend();
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(500'000, 'x'));
  network_.advance(5s);  // nothing is read meanwhile
  std::size_t received = 0;
  for (std::size_t some = 1; some > 0; received += some) {
    some = client.receive().size();
    backend.receive();
  }
  EXPECT_GT(received, 100'000u);
  EXPECT_TRUE(client.at_end());
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::truncated));
}

TEST_F(TransportTest, AbortsARequestWhoseBodyFails) {
  for (const bool chunked : {false, true}) {
    network_.listen("backend:80");
    error_.reset();
    Wire client = send([chunked] {
      auto source = pieces({"abc"});
      if (!chunked) source->length_ = 5;
      source->fails_ = true;
      return request(Method::put, Body::from(std::move(source)));
    });
    client.receive();
    ASSERT_TRUE(error_);
    EXPECT_TRUE(error_->is(Errc::truncated));
    Wire backend = this->backend();
    EXPECT_THAT(body_of(backend.receive()), chunked ? "3\r\nabc\r\n" : "abc");
    EXPECT_TRUE(backend.at_end());
  }
}

TEST_F(TransportTest, AbortsARequestWhoseBodyThrows) {
  network_.listen("backend:80");
  Wire client = send([] {
    auto source = pieces({"abc"});
    source->throws_ = true;
    return request(Method::put, Body::from(std::move(source)));
  });
  client.receive();
  ASSERT_TRUE(error_);
  EXPECT_TRUE(error_->is(Errc::handler_failed));
  Wire backend = this->backend();
  EXPECT_EQ(body_of(backend.receive()), "3\r\nabc\r\n");
  EXPECT_TRUE(backend.at_end());
}

// The response had begun before the request broke off, so it must not look complete either.
TEST_F(TransportTest, AbortsAResponseIfItsRequestIsTruncated) {
  network_.listen("backend:80");
  Wire client = send([] {
    auto source = pieces({"abc"});
    source->length_ = 5;
    source->pause_ = 1s;
    return request(Method::put, Body::from(std::move(source)));
  });
  Wire backend = this->backend();
  backend.receive();
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun");
  EXPECT_THAT(client.receive(), EndsWith("\r\n\r\nbegun"));
  network_.advance(3s);
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(backend.receive(), "abc");
  EXPECT_TRUE(backend.at_end());
  EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::handler_failed));
}

TEST_F(TransportTest, DoesNotReuseAConnectionAfterATruncatedRequest) {
  network_.listen("backend:80");
  Wire client = send(put({"abc"}, 5));
  Wire old = backend();
  old.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  client.receive();
  old.receive();
  EXPECT_TRUE(old.at_end());
  EXPECT_EQ(transport_->statistics().idle, 0u);
  EXPECT_EQ(transport_->statistics().open, 0u);
}

// --- upstreams that end a request early --------------------------------------------------------

// The upstream has responded and reads no more: the response counts.
TEST_F(TransportTest, AcceptsAResponseSentBeforeTheUpstreamClosed) {
  network_.listen("backend:80");
  Wire client = send([] { return request(Method::put, Body::of(std::string(300'000, 'x'))); });
  Wire backend = this->backend();
  backend.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  backend.close();
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), 413);
  EXPECT_EQ(body_of(answer), "no");
  EXPECT_FALSE(error_);
  EXPECT_EQ(transport_->statistics().open, 0u);
}

TEST_F(TransportTest, FailsWhenTheUpstreamClosesInTheMiddleOfARequest) {
  for (const bool reset : {false, true}) {
    network_.listen("backend:80");
    error_.reset();
    Wire client = send([] { return request(Method::put, Body::of(std::string(300'000, 'x'))); });
    Wire backend = this->backend();
    backend.receive();
    if (reset) {
      backend.reset();
    } else {
      backend.close();
    }
    EXPECT_EQ(status_of(client.receive()), 502);
    ASSERT_TRUE(error_);
    EXPECT_EQ(error_->side(), Side::upstream);
    EXPECT_FALSE(error_->retry_safe());
  }
}

TEST_F(TransportTest, SendsAHeadLargerThanAnyBuffer) {
  for (const bool with_content : {false, true}) {
    network_.listen("backend:80");
    Wire client = send([with_content] {
      Request large = request(Method::put, with_content ? Body::of("content") : Body());
      for (int i = 0; i < 20; ++i)
        large.headers().add("X-" + std::to_string(i), std::string(10'000, 'v'));
      return large;
    });
    Wire backend = this->backend();
    std::string asked;
    for (std::string piece = backend.receive(); !piece.empty(); piece = backend.receive())
      asked += piece;
    EXPECT_EQ(count_of(std::string(10'000, 'v') + "\r\n", asked), 20);
    EXPECT_EQ(body_of(asked), with_content ? "content" : "");
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_EQ(body_of(client.receive()), "ok");
    EXPECT_EQ(transport_->statistics().idle, 1u);
  }
}

// --- responses that are read by hand ------------------------------------------------------------

// A round tripper between the transport and the server reads the content as it arrives.
TEST_F(TransportTest, LetsARoundTripperReadContentAsItArrives) {
  network_.listen("backend:80");
  Transport::Options options;
  options.dialer = network_.dialer();
  const Transport transport(options);
  struct Reading final : Handler {
    explicit Reading(const Transport& t) : transport(t) {}
    task<Response> serve(Request) const override {
      auto response = co_await transport.round_trip(request(Method::get));
      if (!response) co_return Response(Status::bad_gateway);
      auto text = co_await response->body().read_all(1000);
      if (!text) co_return Response(Status::bad_gateway, std::string(text.error().detail()));
      co_return Response(Status::ok, *text);
    }
    const Transport& transport;
  };
  network_.serve("s:80", std::make_shared<Reading>(transport), exchanges_.options());
  for (const bool is_cut : {false, true}) {
    Wire client = network_.connect("s:80");
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    Wire backend = this->backend();
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    backend.send("one ");
    EXPECT_EQ(client.receive(), "");
    backend.send("two");
    if (!is_cut) backend.send(" .");
    backend.close();
    EXPECT_EQ(status_of(client.receive()), is_cut ? 502 : 200);
  }
}

// --- requests that go nowhere ------------------------------------------------------------------

TEST_F(TransportTest, RefusesARequestWithoutAnAbsoluteUrl) {
  const auto relative = Url::parse_target("/relative");
  ASSERT_TRUE(relative);
  Wire client = send([&] { return Request(Method::get, *relative); });
  client.receive();
  ASSERT_TRUE(error_);
  EXPECT_TRUE(error_->is(Errc::bad_url));
  EXPECT_THAT(std::string(error_->detail()), HasSubstr("no absolute URL"));
}

TEST_F(TransportTest, WorksOnAnEventLoopOnly) {
  const Transport transport;
  for (const bool has_deadline : {false, true}) {
    Request asked = request(Method::get);
    if (has_deadline) asked.set_deadline(std::chrono::hours(1));
    auto work = transport.round_trip(std::move(asked));
    ASSERT_TRUE(work.start());
    const auto response = work.take();
    ASSERT_FALSE(response);
    EXPECT_TRUE(response.error().is(Errc::bad_option));
  }
}

// --- names -------------------------------------------------------------------------------------

// Regression: the process ended.
TEST_F(TransportTest, FailsForAHostThatNoCertificateCanName) {
  network_.listen(".:443");
  Wire client = send([] {
    return Request(Method::get, Url::parse("https://./").value(), Headers({{"Host", "h"}}));
  });
  EXPECT_EQ(status_of(client.receive()), 502);
  ASSERT_TRUE(error_);
  EXPECT_TRUE(error_->is(Errc::tls_failed));
  EXPECT_EQ(error_->phase(), Phase::tls);
}

TEST_F(TransportTest, RefusesAnInvalidServerName) {
  for (const std::string& name : {std::string("."), std::string(256, 'a')}) {
    Transport::Options options;
    options.tls.server_name = name;
    options.tls.insecure = true;
    const auto prepared = Transport(options).prepare_tls();
    ASSERT_FALSE(prepared);
    EXPECT_TRUE(prepared.error().is(Errc::bad_option));
  }
}

// --- hold --------------------------------------------------------------------------------------

Transport::Options holding(Transport::Duration time) {
  Transport::Options options;
  options.hold = time;
  return options;
}

TEST_F(TransportTest, HoldsARequestUntilTheUpstreamIsUp) {
  Wire client = send([] { return request(Method::post, Body::of("once")); }, holding(10s));
  network_.advance(5s);
  EXPECT_EQ(client.receive(), "");
  network_.listen("backend:80");
  network_.advance(200ms);
  Wire backend = this->backend();
  const std::string asked = backend.receive();
  EXPECT_THAT(asked, StartsWith("POST / HTTP/1.1\r\n"));
  EXPECT_THAT(asked, EndsWith("\r\n\r\nonce"));
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
  EXPECT_EQ(body_of(client.receive()), "late");
  EXPECT_FALSE(error_);
}

TEST_F(TransportTest, LimitsTheHoldOfARequest) {
  Wire client = send([] { return request(Method::get); }, holding(2s));
  network_.advance(1900ms);
  EXPECT_EQ(client.receive(), "");
  network_.advance(400ms);
  EXPECT_EQ(status_of(client.receive()), 502);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->phase(), Phase::connect);
}

// Regression: the response was a 502 once the upstream listened but was not ready.
TEST_F(TransportTest, HoldsARequestWhoseNewConnectionIsReset) {
  network_.listen("backend:80");
  Wire client = send([] { return request(Method::put, Body::of("again")); }, holding(10s));
  for (const auto pause : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    Wire early = backend();
    EXPECT_THAT(early.receive(), EndsWith("again"));
    early.reset();
    network_.advance(pause - 10ms);
    EXPECT_THROW(backend(), std::out_of_range);
    network_.advance(20ms);
  }
  Wire backend = this->backend();
  EXPECT_THAT(backend.receive(), EndsWith("again"));
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
  EXPECT_EQ(body_of(client.receive()), "late");
}

TEST_F(TransportTest, HoldsOnlyRequestsThatMayBeResent) {
  network_.listen("backend:80");
  Wire client = send([] { return request(Method::post, Body::of("once")); }, holding(10s));
  Wire early = backend();
  EXPECT_THAT(early.receive(), EndsWith("once"));
  early.reset();
  EXPECT_EQ(status_of(client.receive()), 502);
  EXPECT_THROW(backend(), std::out_of_range);
}

TEST_F(TransportTest, LimitsTheHoldOfAResetRequest) {
  network_.listen("backend:80");
  Wire client = send([] { return request(Method::get); }, holding(2s));
  while (client.receive().empty()) {
    backend().reset();
    network_.advance(1100ms);
  }
  ASSERT_TRUE(error_);
  EXPECT_FALSE(error_->retry_safe());
  EXPECT_LE(transport_->statistics().dialled, 5u);
}

// A refused dial is repeated once, because the upstream may be restarting.
TEST_F(TransportTest, DoesNotHoldRequestsByDefault) {
  Wire client = send([] { return request(Method::get); });
  network_.advance(100ms);
  EXPECT_EQ(status_of(client.receive()), 502);
}

TEST_F(TransportTest, CancelsAHeldRequestWithItsClient) {
  {
    Wire client = send([] { return request(Method::get); }, holding(1h));
    network_.advance(1s);
  }
  network_.advance(1s);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
  network_.listen("backend:80");
  network_.advance(1min);
  EXPECT_THROW(backend(), std::out_of_range);
}

// --- limits ------------------------------------------------------------------------------------

TEST_F(TransportTest, DoesNotWaitForContinueIfDisabled) {
  network_.listen("backend:80");
  Transport::Options options;
  options.expect_continue_timeout = Transport::Duration::zero();
  Wire client = send(
      [] {
        Request put = request(Method::put, Body::of("abc"));
        put.headers().add("Expect", "100-continue");
        return put;
      },
      options);
  EXPECT_THAT(backend().receive(), EndsWith("\r\n\r\nabc"));
}

TEST_F(TransportTest, LimitsInformationalResponses) {
  for (const bool too_many : {false, true}) {
    network_.listen("backend:80");
    error_.reset();
    Transport::Options options;
    options.max_informational = 2;
    Wire client = send([] { return request(Method::get); }, options);
    Wire backend = this->backend();
    for (int i = 0; i < (too_many ? 3 : 2); ++i)
      backend.send("HTTP/1.1 102 Processing\r\n\r\n");
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(status_of(client.receive()), too_many ? 502 : 200);
    EXPECT_EQ(error_.has_value(), too_many);
  }
}

TEST_F(TransportTest, RefusesAResponseHeadPastItsLimits) {
  const std::string cases[] = {
      "HTTP/1.1 200 OK\r\nX: " + std::string(2000, 'x') + "\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n",
  };
  for (const std::string& head : cases) {
    network_.listen("backend:80");
    error_.reset();
    Transport::Options options;
    options.max_response_header_bytes = 1024;
    options.max_response_header_fields = 3;
    Wire client = send([] { return request(Method::get); }, options);
    Wire backend = this->backend();
    backend.send(head);
    EXPECT_EQ(status_of(client.receive()), 502);
    ASSERT_TRUE(error_);
    EXPECT_TRUE(error_->is(Errc::response_head_too_large));
    backend.receive();
    EXPECT_TRUE(backend.at_end());
  }
}

TEST(Transport, RefusesOptionsThatCannotBeUsed) {
  EXPECT_THROW(Transport({.max_connections = 0}), std::invalid_argument);
  EXPECT_THROW(Transport({.max_connection_requests = 0}), std::invalid_argument);
  EXPECT_THROW(Transport({.dns_servers = {"10.0.0.53", "dns.example"}}), std::invalid_argument);
  EXPECT_NO_THROW(Transport({.dns_servers = {"10.0.0.53", "[::1]:5353"}}));
}

}  // namespace
}  // namespace onehop
