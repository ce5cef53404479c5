// SPDX-License-Identifier: Apache-2.0
//
// Any code of a library user may throw anything. The result is a 500 or a visibly incomplete
// response, and the server continues.
#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>

#include "http/websocket_handshake.hpp"
#include "support/asking_client.hpp"
#include "support/bodies.hpp"
#include "support/messages.hpp"

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace std::chrono_literals;

using test::AskingClient;
using test::Protocol;
using test::Question;
using test::Received;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Question kGet{"GET"};
constexpr Question kPost{"POST", "POST", 12};
constexpr Question kUpgrade{"upgrade", "GET", 0, Question::Kind::upgrades};

// Has a length, pieces and trailers, or throws instead of one of these.
class ThrowingBody final : public BodySource {
 public:
  enum class When : std::uint8_t { length, first_read, later_read, trailers };

  ThrowingBody(When when, std::function<void()> thrower)
      : when_(when), thrower_(std::move(thrower)) {}

  std::optional<std::uint64_t> length() const override {
    if (when_ == When::length) thrower_();
    return std::nullopt;
  }
  task<Result<bytes>> read() override {
    if (when_ == When::first_read) thrower_();
    if (++reads_ == 1) co_return bytes("piece");
    co_await sleep_for(1s);
    if (when_ == When::later_read) thrower_();
    co_return bytes();
  }
  const Headers& trailers() const override {
    if (when_ == When::trailers) thrower_();
    return BodySource::trailers();
  }

 private:
  When when_;
  std::function<void()> thrower_;
  int reads_ = 0;
};

class ThrowingTunnel final : public Tunnel {
 public:
  enum class When : std::uint8_t { read, write, close_write };

  ThrowingTunnel(When when, std::function<void()> thrower)
      : when_(when), thrower_(std::move(thrower)) {}

  task<Result<bytes>> read() override {
    co_await sleep_for(1s);
    if (when_ == When::read) thrower_();
    co_await sleep_for(24h);
    co_return bytes();
  }
  task<Result<void>> write(bytes) override {
    if (when_ == When::write) thrower_();
    co_return Result<void>();
  }
  void close_write() override {
    if (when_ == When::close_write) thrower_();
  }

 private:
  When when_;
  std::function<void()> thrower_;
};

class ThrowingParts : public ::testing::TestWithParam<std::tuple<Protocol, bool>> {
 protected:
  // Throws once.
  std::function<void()> thrower() {
    return [this, is_exception = std::get<1>(GetParam())] {
      if (!std::exchange(armed_, false)) return;
      if (is_exception) throw std::runtime_error("a secret");
      throw 42;
    };
  }
  bool is_h1() const { return std::get<0>(GetParam()) == Protocol::h1; }

  template <class Function>
  void serve(Function handler) {
    network_.serve("s:80", make_handler(std::move(handler)), exchanges_.options());
  }
  void serve_proxy(ReverseProxy::Options options, std::string url = "http://backend") {
    if (!options.transport)
      options.transport = std::make_shared<Transport>(network_.transport_options());
    options.rewrite = [url = Url::parse(url).value(), rewrite = std::move(options.rewrite)](
                          ProxyRequest& request) -> Result<std::optional<Response>> {
      request.set_url(url);
      if (!rewrite) return std::nullopt;
      return rewrite.call(request);
    };
    network_.serve("backend:80", testing::recorder(Status::ok, "fine"), exchanges_.options());
    network_.serve("s:80", std::make_shared<ReverseProxy>(std::move(options)),
                   exchanges_.options());
  }

  std::unique_ptr<AskingClient> connect() {
    return AskingClient::make(std::get<0>(GetParam()), network_.connect("s:80"));
  }
  Received ask(AskingClient& client, const Question& question = kGet) {
    client.ask(question, "id");
    client.send_rest();
    network_.advance(2s);
    return client.answer();
  }
  // Checks that further requests are served, on this connection and on others.
  void expect_served(AskingClient& client) {
    if (client.goes_on()) {
      EXPECT_EQ(ask(client).status, 200);
    }
    const auto another = connect();
    const Received got = ask(*another);
    EXPECT_TRUE(got.is_whole());
    EXPECT_EQ(got.status, 200);
  }
  void expect_500(const Question& question = kGet) {
    const auto client = connect();
    const Received got = ask(*client, question);
    EXPECT_TRUE(got.is_whole());
    EXPECT_EQ(got.status, 500);
    EXPECT_THAT(got.body, Not(HasSubstr("secret")));
    EXPECT_TRUE(client->goes_on());
    EXPECT_FALSE(armed_);
    expect_served(*client);
  }
  void expect_broken(const Question& question = kGet) {
    const auto client = connect();
    const Received got = ask(*client, question);
    EXPECT_TRUE(got.has_head);
    EXPECT_EQ(got.end, Received::End::broken);
    EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
    EXPECT_TRUE(exchanges_.last().failed_with(Errc::handler_failed));
    expect_served(*client);
  }
  std::unique_ptr<BodySource> body(ThrowingBody::When when) {
    return std::make_unique<ThrowingBody>(when, thrower());
  }

  bool armed_ = true;
  test::ExchangeLog exchanges_;
  testing::Network network_;
};

INSTANTIATE_TEST_SUITE_P(All,
                         ThrowingParts,
                         ::testing::Combine(::testing::Values(Protocol::h1, Protocol::h2),
                                            ::testing::Bool()),
                         [](const auto& each) {
                           const bool is_h1 = std::get<0>(each.param) == Protocol::h1;
                           return std::string(is_h1 ? "Http1" : "Http2") +
                                  (std::get<1>(each.param) ? "Exception" : "Number");
                         });

// --- handlers and what they give ---------------------------------------------------------------

TEST_P(ThrowingParts, AHandlerAtOnce) {
  serve([throws = thrower()](const Request&) {
    throws();
    return Response(Status::ok, "fine");
  });
  expect_500();
}

TEST_P(ThrowingParts, AHandlerLater) {
  serve([throws = thrower()](Request request) -> task<Response> {
    auto content = co_await request.body().read_all(1000);
    co_await sleep_for(1s);
    throws();
    co_return Response(Status::ok, "fine");
  });
  expect_500(kPost);
}

TEST_P(ThrowingParts, ABodyInLength) {
  serve([this](const Request&) {
    return Response(Status::ok, Headers(), Body::from(body(ThrowingBody::When::length)));
  });
  expect_500();
}

TEST_P(ThrowingParts, ABodyAfterTheHead) {
  using When = ThrowingBody::When;
  for (const When when : {When::first_read, When::later_read, When::trailers}) {
    armed_ = true;
    serve([this, when](const Request&) {
      return Response(Status::ok, Headers(), Body::from(body(when)));
    });
    expect_broken();
  }
}

TEST_P(ThrowingParts, ATunnel) {
  using When = ThrowingTunnel::When;
  for (const When when : {When::read, When::write, When::close_write}) {
    armed_ = true;
    serve([this, when](const Request& request) {
      if (!request.headers().has("Upgrade")) return Response(Status::ok, "fine");
      Response response(Status::switching_protocols,
                        Headers({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}}));
      const auto key = request.headers().get("Sec-WebSocket-Key");
      if (key) response.headers().add("Sec-WebSocket-Accept", websocket_accept(*key));
      response.set_tunnel(std::make_unique<ThrowingTunnel>(when, thrower()));
      return response;
    });
    const auto client = connect();
    client->ask(kUpgrade, "id");
    client->answer();
    const std::string end = h2_frames::frame(h2_frames::data, h2_frames::kEndStream, 1);
    if (when == When::write)
      client->wire().send(is_h1() ? "hello" : h2_frames::frame(h2_frames::data, 0, 1, "hello"));
    if (when == When::close_write && !is_h1()) client->wire().send(end);
    if (when == When::close_write && is_h1()) client->wire().end(test::Way::half_close);
    network_.advance(2s);
    const Received got = client->answer();
    EXPECT_TRUE(got.end == Received::End::broken || client->wire().is_dead());
    EXPECT_EQ(exchanges_.last().outcome, Outcome::aborted);
    EXPECT_TRUE(exchanges_.last().failed_with(Errc::handler_failed));
    expect_served(*client);
  }
}

// --- parts of a proxy --------------------------------------------------------------------------

TEST_P(ThrowingParts, ARewriteHook) {
  ReverseProxy::Options options;
  options.rewrite = [throws = thrower()](ProxyRequest&) { throws(); };
  serve_proxy(std::move(options));
  expect_500();
}

TEST_P(ThrowingParts, ADirector) {
  ReverseProxy::Options options;
  options.rewrite = director([throws = thrower()](Request&) { throws(); });
  serve_proxy(std::move(options));
  expect_500();
}

TEST_P(ThrowingParts, AResponseHook) {
  ReverseProxy::Options options;
  options.modify_response = [throws = thrower()](Response&) -> Result<void> {
    throws();
    return {};
  };
  serve_proxy(std::move(options));
  expect_500();
}

TEST_P(ThrowingParts, AnErrorHook) {
  ReverseProxy::Options options;
  options.error_response = [throws = thrower()](const Request&, const Error&) {
    throws();
    return Response(Status::ok, "fine");
  };
  options.transport = round_tripper_over(
      make_handler([](const Request&) -> Response { throw std::runtime_error("no upstream"); }));
  serve_proxy(std::move(options));
  expect_500();
}

// Delegates after the first call.
class ThrowingRoundTripper final : public RoundTripper {
 public:
  ThrowingRoundTripper(std::shared_ptr<const RoundTripper> next,
                       std::chrono::seconds pause,
                       std::function<void()> thrower)
      : next_(std::move(next)), pause_(pause), thrower_(std::move(thrower)) {}
  task<Result<Response>> round_trip(Request request) const override {
    co_await sleep_for(pause_);
    thrower_();
    co_return co_await next_->round_trip(std::move(request));
  }

 private:
  std::shared_ptr<const RoundTripper> next_;
  std::chrono::seconds pause_;
  std::function<void()> thrower_;
};

TEST_P(ThrowingParts, ARoundTripper) {
  for (const auto pause : {0s, 1s}) {
    armed_ = true;
    ReverseProxy::Options options;
    options.transport = std::make_shared<ThrowingRoundTripper>(
        std::make_shared<Transport>(network_.transport_options()), pause, thrower());
    serve_proxy(std::move(options));
    expect_500();
  }
}

// A hook replaces the client's content before it goes to the upstream.
TEST_P(ThrowingParts, ABodyForTheUpstream) {
  using When = ThrowingBody::When;
  for (const char* url : {"http://backend", "h2c://backend:80"}) {
    for (const When when : {When::length, When::first_read, When::later_read, When::trailers}) {
      armed_ = true;
      ReverseProxy::Options options;
      options.rewrite = [this, when](ProxyRequest& request) {
        request.out().set_body(Body::from(body(when)));
      };
      serve_proxy(std::move(options), url);
      expect_500(kPost);
    }
  }
}

// --- callbacks ---------------------------------------------------------------------------------

TEST_P(ThrowingParts, AnExchangeEndCallback) {
  std::string logged;
  Server::Options options;
  options.on_exchange_end = [throws = thrower()](const ExchangeRecord&) { throws(); };
  options.log = [&logged](LogLevel, std::string_view line) { logged += line; };
  network_.serve("s:80", testing::recorder(Status::ok, "fine"), std::move(options));
  const auto client = connect();
  EXPECT_EQ(ask(*client).status, 200);
  EXPECT_THAT(logged, HasSubstr("on_exchange_end threw"));
  expect_served(*client);
}

TEST_P(ThrowingParts, TheLog) {
  Server::Options options;
  options.log = [throws = thrower()](LogLevel, std::string_view) { throws(); };
  // A failure that only the log reports.
  const auto failed = std::make_shared<bool>(false);
  network_.serve("s:80", make_handler([failed](const Request&) {
                   return std::exchange(*failed, true) ? Response(Status::ok, "fine")
                                                       : Response(Status::early_hints);
                 }),
                 std::move(options));
  ::testing::internal::CaptureStderr();
  const auto client = connect();
  EXPECT_EQ(ask(*client).status, 500);
  expect_served(*client);
  network_.refuse("s:80");  // the log writer is destroyed with the server
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("the log threw"));
}

}  // namespace
}  // namespace onehop
