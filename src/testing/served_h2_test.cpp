// SPDX-License-Identifier: Apache-2.0
//
// The effect of a server's timeouts on a scripted HTTP/2 client. Only the tests advance the clock.

#include <onehop/scope.hpp>
#include <onehop/server.hpp>
#include <onehop/testing.hpp>
#include <onehop/transport.hpp>

#include "support/bodies.hpp"
#include "support/h2_frames.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Network;
using ::testing::Not;
using ::testing::SizeIs;
using testing::Wire;

class FieldClient {
 public:
  explicit FieldClient(Wire wire, const std::string& settings = {}) : wire_(std::move(wire)) {
    wire_.send(h2_frames::kPreface);
    wire_.send(h2_frames::frame(h2_frames::settings, 0, 0, settings));
  }

  void get(std::uint32_t stream) {
    begin(stream, "GET", h2_frames::kEndHeaders | h2_frames::kEndStream);
  }
  void post(std::uint32_t stream, std::string_view content_type = "text/plain") {
    begin(stream, "POST", h2_frames::kEndHeaders, content_type);
  }
  void reset(std::uint32_t stream) {
    wire_.send(h2_frames::frame(h2_frames::rst_stream, 0, stream, h2_frames::number(8, 4)));
  }
  void close() { wire_.close(); }
  void send(std::uint32_t stream, std::string_view content) {
    wire_.send(h2_frames::frame(h2_frames::data, h2_frames::kEndStream, stream, content));
  }
  // Returns the frames of one type that have arrived since the last call.
  std::vector<h2_frames::Frame> frames(std::uint8_t type) {
    read();
    auto taken = std::exchange(seen_, {});
    std::erase_if(taken, [type](const auto& frame) { return frame.type != type; });
    return taken;
  }
  void answer_pings() {
    const std::size_t known = seen_.size();
    read();
    for (std::size_t i = known; i < seen_.size(); ++i) {
      if (seen_[i].type != h2_frames::ping || seen_[i].flags != 0) continue;
      wire_.send(h2_frames::frame(h2_frames::ping, h2_frames::kAck, 0, seen_[i].payload));
    }
  }
  bool at_end() {
    read();
    return wire_.at_end();
  }

 private:
  void read() {
    data_ += wire_.receive();
    for (h2_frames::Frame& frame : h2_frames::take_frames(data_))
      seen_.push_back(std::move(frame));
  }
  void begin(std::uint32_t stream,
             std::string_view method,
             int flags,
             std::string_view content_type = "text/plain") {
    wire_.send(h2_frames::frame(h2_frames::headers, static_cast<std::uint8_t>(flags), stream,
                                h2_frames::block({{":method", method},
                                                  {":scheme", "http"},
                                                  {":path", "/"},
                                                  {":authority", "h"},
                                                  {"content-type", content_type}})));
  }

  Wire wire_;
  std::string data_;
  std::vector<h2_frames::Frame> seen_;
};

// Endless returns a piece every ten minutes.
class Endless final : public BodySource {
 public:
  task<Result<bytes>> read() override {
    co_await sleep_for(10min);
    co_return bytes("x");
  }
};

class ServedH2Test : public ::testing::Test {
 protected:
  template <class Function>
  FieldClient serve(Function handler, const std::string& settings = {}) {
    options_.on_exchange_end = [this](const ExchangeRecord& ended) {
      outcomes_.push_back(ended.outcome);
    };
    network_.serve("front:80", make_handler(std::move(handler)), options_);
    return FieldClient(network_.connect("front:80"), settings);
  }

  // Advances the clock while the client acknowledges every PING.
  void pass(FieldClient& client, std::chrono::seconds time) {
    for (; time > 0s; time -= 5s) {
      network_.advance(std::min(time, 5s));
      client.answer_pings();
    }
  }

  std::vector<Outcome> outcomes_;
  Server::Options options_;
  Network network_;
};

// A client that takes the limit for zero could not send a request.
TEST_F(ServedH2Test, AVeryLargeLimitIsNotAnnouncedAsZero) {
  options_.max_header_bytes = std::size_t{1} << 32U;
  FieldClient client = serve([](Request) { return Response(Status::ok); });
  const auto settings = client.frames(h2_frames::settings);
  ASSERT_THAT(settings, Not(IsEmpty()));
  // The announced limit includes a request line and the pseudo-fields.
  const std::string largest =
      h2_frames::number(6, 2) + h2_frames::number(0x3fff'ffffU + 16 * 1024 + 512, 4);
  EXPECT_THAT(settings[0].payload, HasSubstr(largest));
}

TEST_F(ServedH2Test, ALimitTooLargeToMultiplyIsUnlimited) {
  options_.max_header_bytes = std::size_t{1} << 62U;
  FieldClient client = serve([](Request) { return Response(Status::ok, "hello"); });
  client.get(1);
  EXPECT_THAT(client.frames(h2_frames::data), SizeIs(1));
}

// body_timeout is for stalled uploads, not for calls, and not while a response is in progress.
TEST_F(ServedH2Test, BodyTimeoutAppliesOnlyWhileAnUploadIsAwaited) {
  for (const std::string_view how : {"upload", "call", "responding", "responded"}) {
    const bool is_timed = how == "upload" || how == "responded";
    std::optional<Error> error;
    bool read = false;
    auto scope = std::make_shared<std::optional<Scope>>();
    FieldClient client = serve([=, &error, &read](Request request) -> task<Response> {
      const auto read_it = [](Body body, std::optional<Error>& e, bool& done) -> task<void> {
        auto all = co_await body.read_all(100);
        if (!all) e = all.error();
        done = true;
      };
      if (!how.starts_with("respond")) {
        co_await read_it(std::move(request.body()), error, read);
        co_return Response(Status::ok);
      }
      scope->emplace();
      (*scope)->spawn(read_it(std::move(request.body()), error, read));
      if (how == "responded") co_return Response(Status::ok, "hello");
      co_return Response(Status::ok, Headers(), Body::from(std::make_unique<Endless>()));
    });
    client.post(1, how == "call" ? "application/grpc" : "text/plain");
    network_.advance(61s);
    EXPECT_EQ(error.has_value(), is_timed) << how;
    pass(client, 2h);
    client.send(1, "the end");
    EXPECT_TRUE(read) << how;
    EXPECT_EQ(error.has_value(), is_timed) << how;
    scope->reset();
  }
}

// A task that still reads after the exchange has ended gets an error, and does not use the stream.
TEST_F(ServedH2Test, AWaitingReadEndsWithItsStreamOrConnection) {
  for (const bool whole_connection : {false, true}) {
    std::optional<Error> error;
    auto scope = std::make_shared<std::optional<Scope>>();
    FieldClient client = serve([=, &error](Request request) -> task<Response> {
      scope->emplace();
      (*scope)->spawn([](Body body, std::optional<Error>& into) -> task<void> {
        auto all = co_await body.read_all(100);
        if (!all) into = all.error();
      }(std::move(request.body()), error));
      co_await sleep_for(1h);
      co_return Response(Status::ok);
    });
    client.post(1);
    EXPECT_FALSE(error);
    if (whole_connection) {
      client.close();
    } else {
      client.reset(1);
    }
    network_.advance(1s);
    ASSERT_TRUE(error) << whole_connection;
    EXPECT_TRUE(error->is(Errc::client_gone));
    scope->reset();
  }
}

TEST_F(ServedH2Test, AUsedConnectionAlsoEndsWhenIdle) {
  FieldClient client = serve([](Request) { return Response(Status::ok, "hello"); });
  network_.advance(60s);
  client.get(1);
  ASSERT_THAT(client.frames(h2_frames::data), SizeIs(1));
  network_.advance(74s);
  EXPECT_THAT(client.frames(h2_frames::goaway), IsEmpty());
  network_.advance(2s);
  EXPECT_THAT(client.frames(h2_frames::goaway), Not(IsEmpty()));
}

TEST_F(ServedH2Test, AConnectionInUseIsNeverIdle) {
  FieldClient client = serve([](Request) { return Response(Status::ok, "hello"); });
  for (std::uint32_t stream = 1; stream < 11; stream += 2) {
    client.get(stream);
    ASSERT_THAT(client.frames(h2_frames::data), SizeIs(1));
    network_.advance(50s);
    EXPECT_THAT(client.frames(h2_frames::goaway), IsEmpty());
  }
}

TEST_F(ServedH2Test, ALongExchangeIsNotIdle) {
  FieldClient client = serve([](Request) -> task<Response> {
    co_await sleep_for(200s);
    co_return Response(Status::ok, "hello");
  });
  client.get(1);
  pass(client, 201s);
  EXPECT_THAT(client.frames(h2_frames::goaway), IsEmpty());
  network_.advance(73s);
  EXPECT_THAT(client.frames(h2_frames::goaway), IsEmpty());
  network_.advance(2s);
  EXPECT_THAT(client.frames(h2_frames::goaway), Not(IsEmpty()));
}

TEST_F(ServedH2Test, WriteTimeoutResetsABlockedResponse) {
  const std::string no_room = h2_frames::number(4, 2) + h2_frames::number(0, 4);
  FieldClient client = serve([](Request) { return Response(Status::ok, "hello"); }, no_room);
  client.get(1);
  network_.advance(55s);
  EXPECT_THAT(client.frames(h2_frames::rst_stream), IsEmpty());
  network_.advance(10s);
  EXPECT_THAT(client.frames(h2_frames::rst_stream), SizeIs(1));
}

// An end waits for the window like content, although it takes no room in it.
TEST_F(ServedH2Test, WriteTimeoutResetsAResponseWhoseEndIsBlocked) {
  const std::string no_room = h2_frames::number(4, 2) + h2_frames::number(0, 4);
  FieldClient client =
      serve([](Request) { return Response(Status::ok, Headers(), Body::from(test::pieces({}))); },
            no_room);
  client.get(1);
  network_.advance(55s);
  EXPECT_THAT(client.frames(h2_frames::rst_stream), IsEmpty());
  network_.advance(10s);
  EXPECT_THAT(client.frames(h2_frames::rst_stream), SizeIs(1));
  EXPECT_EQ(outcomes_, std::vector{Outcome::aborted});
}

TEST_F(ServedH2Test, WriteTimeoutResetsAResponseWhoseTrailersAreBlocked) {
  const std::string room = h2_frames::number(4, 2) + h2_frames::number(5, 4);
  const auto handler = [](Request) {
    auto content = test::pieces({"hello"});
    content->pause_ = 1s;
    content->trailers_.set("X-Sum", "7");
    return Response(Status::ok, Headers(), Body::from(std::move(content)));
  };
  FieldClient client = serve(handler, room);
  client.get(1);
  network_.advance(55s);
  EXPECT_THAT(client.frames(h2_frames::data), SizeIs(1));
  network_.advance(10s);
  EXPECT_THAT(client.frames(h2_frames::rst_stream), SizeIs(1));
  EXPECT_EQ(outcomes_, std::vector{Outcome::aborted});
}

// A handler that has cancelled a read is not waiting for content.
TEST_F(ServedH2Test, ACancelledReadDoesNotMakeABodyLate) {
  std::string got;
  FieldClient client = serve([&got](Request request) -> task<Response> {
    auto first = co_await with_timeout(1s, request.body().read());
    EXPECT_FALSE(first);
    co_await sleep_for(100s);
    auto second = co_await request.body().read();
    got = second ? std::string(*second) : second.error().to_string();
    co_return Response(Status::ok);
  });
  client.post(1);
  network_.advance(10s);
  client.send(1, "content");
  pass(client, 120s);
  EXPECT_EQ(got, "content");
}

// --- clients that vanish -----------------------------------------------------------------------

task<Response> answer_after_an_hour(Request) {
  co_await sleep_for(1h);
  co_return Response(Status::ok, "hello");
}

TEST_F(ServedH2Test, PingsASilentClient) {
  FieldClient client = serve(answer_after_an_hour);
  client.get(1);
  network_.advance(55s);
  EXPECT_THAT(client.frames(h2_frames::ping), IsEmpty());
  network_.advance(10s);
  EXPECT_THAT(client.frames(h2_frames::ping), SizeIs(1));
}

TEST_F(ServedH2Test, CancelsTheRequestsOfAClientThatVanished) {
  FieldClient client = serve(answer_after_an_hour);
  client.get(1);
  client.get(3);
  network_.advance(75s);
  EXPECT_FALSE(client.at_end());
  network_.advance(15s);
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(outcomes_, std::vector(2, Outcome::client_gone));
}

TEST_F(ServedH2Test, AClientThatAcknowledgesPingsMayWait) {
  FieldClient client = serve(answer_after_an_hour);
  client.get(1);
  pass(client, 3595s);
  EXPECT_FALSE(client.at_end());
  const auto pings = client.frames(h2_frames::ping).size();
  EXPECT_GE(pings, 50U);
  EXPECT_LE(pings, 60U);
  pass(client, 10s);
  EXPECT_THAT(client.frames(h2_frames::data), SizeIs(1));
  EXPECT_EQ(outcomes_, std::vector{Outcome::complete});
}

TEST_F(ServedH2Test, DoesNotPingAnIdleClient) {
  FieldClient client = serve([](Request) { return Response(Status::ok, "hello"); });
  client.get(1);
  ASSERT_THAT(client.frames(h2_frames::data), SizeIs(1));
  network_.advance(74s);
  EXPECT_THAT(client.frames(h2_frames::ping), IsEmpty());
}

// --- interim responses --------------------------------------------------------------------------

TEST_F(ServedH2Test, A100ThatWasDroppedMayBeSentLater) {
  FieldClient client = serve([](Request request) -> task<Response> {
    for (int i = 0; i < 2000; ++i)  // more than may be unsent
      request.send_informational(Response(Status::early_hints));
    request.send_informational(Response(Status::continue_));
    co_await sleep_for(1s);
    request.send_informational(Response(Status::continue_));
    request.send_informational(Response(Status::continue_));
    co_return Response(Status::ok);
  });
  client.post(1);
  const std::size_t hints = client.frames(h2_frames::headers).size();
  EXPECT_GT(hints, 1000u);
  EXPECT_LT(hints, 2000u);
  network_.advance(1s);
  EXPECT_THAT(client.frames(h2_frames::headers), SizeIs(2)) << "one 100 and the response";
}

// --- handlers that keep the request -------------------------------------------------------------

TEST_F(ServedH2Test, IgnoresAnInformationalResponseAfterTheEnd) {
  std::vector<Request> kept;
  {
    FieldClient client = serve([&kept](Request request) {
      kept.push_back(request.clone_head());
      kept.push_back(std::move(request));
      return Response(Status::ok, "hello");
    });
    client.get(1);
    ASSERT_THAT(client.frames(h2_frames::data), SizeIs(1));
    for (const Request& request : kept)
      request.send_informational(Response(Status::early_hints));
    EXPECT_THAT(client.frames(h2_frames::headers), IsEmpty());
  }
  network_.advance(1s);
  for (const Request& request : kept)
    request.send_informational(Response(Status::early_hints));
}

TEST(ServedTest, AVeryLargeLimitDoesNotOverflow) {
  Network network;
  Server::Options options;
  options.max_header_bytes = ~std::size_t{0};
  network.serve("front:80", testing::recorder(Status::ok, "hello"), options);
  Wire client = network.connect("front:80");
  client.send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n");
  EXPECT_THAT(client.receive(), EndsWith("hello"));
}

TEST(ServedTest, AVeryLargeResponseLimitDoesNotOverflow) {
  Network network;
  network.serve("front:80", make_handler([](Request) {
                  Response response(Status::ok, "hello");
                  response.headers().set("X", std::string(40'000, 'x'));
                  return response;
                }));
  Transport::Options options = network.transport_options();
  options.max_response_header_bytes = ~std::size_t{0};
  const Transport transport(options);
  auto response = network.run(transport.round_trip(testing::request("GET http://front:80/")));
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->headers().get_or_empty("X").size(), 40'000U);
}

TEST(ServedTest, IgnoresAnInformationalResponseAfterTheEnd) {
  Network network;
  std::vector<Request> kept;
  network.serve("front:80", make_handler([&kept](Request request) {
                  kept.push_back(request.clone_head());
                  kept.push_back(std::move(request));
                  return Response(Status::ok, "hello");
                }));
  {
    Wire client = network.connect("front:80");
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(client.receive(), EndsWith("hello"));
    for (const Request& request : kept)
      request.send_informational(Response(Status::early_hints));
    EXPECT_EQ(client.receive(), "");
  }
  network.advance(1s);
  for (const Request& request : kept)
    request.send_informational(Response(Status::early_hints));
}

// The server does not wait for the rest for ever, because the stream counts against max_streams.
TEST(ServedH2Held, ResetsAnUploadThatIsHeldButNotRead) {
  Network network;
  auto kept = std::make_shared<Body>();
  network.serve("s:80", make_handler([kept](Request request) {
                  *kept = std::move(request.body());
                  return Response(Status::ok, "early");
                }));
  FieldClient client(network.connect("s:80"));
  client.post(1);
  network.advance(50s);
  EXPECT_THAT(client.frames(h2_frames::rst_stream), IsEmpty());
  network.advance(50s);
  const auto resets = client.frames(h2_frames::rst_stream);
  ASSERT_THAT(resets, SizeIs(1));
  EXPECT_EQ(resets[0].payload, h2_frames::number(0, 4)) << "NO_ERROR";
}

}  // namespace
}  // namespace onehop
