// SPDX-License-Identifier: Apache-2.0
//
// The timeouts of an exchange with a live HTTP/2 upstream, which acknowledges every PING. Those of
// HTTP/1 are in proxied_faults_test.cpp.
#include <onehop/reverse_proxy.hpp>
#include <onehop/testing.hpp>
#include <onehop/transport.hpp>

#include "support/h2_frames.hpp"
#include "support/messages.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop {
namespace {

using namespace onehop::literals;
using namespace std::chrono_literals;
using test::body_of;
using test::status_of;
using ::testing::EndsWith;
using testing::Wire;

class ProxiedH2Timeouts : public ::testing::Test {
 protected:
  ProxiedH2Timeouts() {
    network_.listen("up:80");
    Transport::Options transport;
    transport.dialer = network_.dialer();
    transport.response_timeout = 10s;
    transport.activity_timeout = 60s;
    ReverseProxy::Options options;
    options.rewrite = [](ProxyRequest& request) { request.set_url("h2c://up:80"_url); };
    options.transport = std::make_shared<Transport>(transport);
    Server::Options server = exchanges_.options();
    server.body_timeout = 60s;
    network_.serve("front:80", std::make_shared<ReverseProxy>(std::move(options)), server);
  }

  void ask(const std::string& request) {
    client_ = network_.connect("front:80");
    client_->send(request);
    upstream_ = network_.accept("up:80");
    upstream_->send(h2_frames::frame(h2_frames::settings, 0, 0));
  }
  void post(const std::string& content) {
    ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n" + content);
  }
  // Sends content of 100,000 bytes, of which the first window takes 65,535.
  void post_large() {
    ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'));
  }
  // Lets the upstream take as many bytes more.
  void open_window(std::uint32_t bytes) {
    for (const std::uint32_t stream : {0U, 1U})
      upstream_->send(
          h2_frames::frame(h2_frames::window_update, 0, stream, h2_frames::number(bytes, 4)));
  }
  void get() { ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"); }

  void begin_response(const std::optional<std::string>& length = std::nullopt) {
    std::vector<Field> fields = {{":status", "200"}};
    if (length) fields.push_back({"content-length", *length});
    upstream_->send(
        h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, 1, h2_frames::block(fields)));
  }
  void send_content(const std::string& text, bool end = false) {
    upstream_->send(h2_frames::frame(h2_frames::data, end ? h2_frames::kEndStream : 0, 1, text));
  }
  void pass(std::chrono::seconds time) {
    for (; time > 0s; time -= 1s) {
      network_.advance(1s);
      data_ += upstream_->receive();
      for (const h2_frames::Frame& one : h2_frames::take_frames(data_)) {
        if (one.type != h2_frames::ping || one.flags != 0) continue;
        upstream_->send(h2_frames::frame(h2_frames::ping, h2_frames::kAck, 0, one.payload));
      }
    }
  }

  testing::Network network_;
  test::ExchangeLog exchanges_;
  std::optional<Wire> client_;
  std::optional<Wire> upstream_;
  std::string data_;
};

TEST_F(ProxiedH2Timeouts, MeasuresTheResponseFromTheEndOfTheRequest) {
  post("");
  for (int i = 0; i < 4; ++i) {
    pass(6s);
    client_->send("a");
  }
  pass(9s);
  EXPECT_EQ(client_->receive(), "");
  begin_response();
  send_content("in time", true);
  EXPECT_THAT(client_->receive(), EndsWith("7\r\nin time\r\n0\r\n\r\n"));
}

TEST_F(ProxiedH2Timeouts, MeasuresTheResponseFromTheEndOfAPausedRequest) {
  post("");
  pass(45s);
  client_->send("abcd");
  pass(9s);
  EXPECT_EQ(client_->receive(), "");
  pass(2s);
  EXPECT_EQ(status_of(client_->receive()), 504);
}

// Regression: the time began when the content was in the stream, which the upstream opened slowly.
TEST_F(ProxiedH2Timeouts, MeasuresTheResponseFromTheEndOfASlowlyReadRequest) {
  post_large();
  for (int i = 0; i < 4; ++i) {
    pass(9s);
    EXPECT_EQ(client_->receive(), "");
    open_window(10'000);
  }
  pass(9s);
  EXPECT_EQ(client_->receive(), "");
  begin_response();
  send_content("in time", true);
  EXPECT_THAT(client_->receive(), EndsWith("7\r\nin time\r\n0\r\n\r\n"));
}

// Regression: only response_timeout applied to content that was in the stream.
TEST_F(ProxiedH2Timeouts, RespondsWith504WhenTheUpstreamStopsReading) {
  post_large();
  pass(50s);
  open_window(10'000);
  pass(59s);
  EXPECT_EQ(client_->receive(), "");
  pass(20s);
  EXPECT_EQ(status_of(client_->receive()), 504);
  EXPECT_EQ(exchanges_.last().failure->phase(), Phase::send);
}

// The upstream is not late while it waits for the client's content.
TEST_F(ProxiedH2Timeouts, RespondsWith408WhenTheRequestStalls) {
  post("abc");
  pass(59s);
  EXPECT_EQ(client_->receive(), "");
  pass(2s);
  EXPECT_EQ(status_of(client_->receive()), 408);
  EXPECT_EQ(exchanges_.last().failure->side(), Side::client);
}

// The upstream of a call may read as slowly as it writes.
TEST_F(ProxiedH2Timeouts, DoesNotAbortACallWhoseUpstreamReadsNothing) {
  for (const bool is_call : {true, false}) {
    const std::size_t before = exchanges_.size();
    ask(std::string("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\nContent-Type: ") +
        (is_call ? "application/grpc" : "text/plain") + "\r\n\r\n" + std::string(300'000, 'x'));
    begin_response();
    send_content("abc");
    pass(10min);
    EXPECT_EQ(exchanges_.size() - before, is_call ? 0u : 1u) << is_call;
    client_->close();
    upstream_->close();
    network_.advance(1s);
  }
}

// A stream without a length may pause once it has begun, whatever its media type.
TEST_F(ProxiedH2Timeouts, AResponseWithoutALengthMayPauseOnceItHasBegun) {
  get();
  begin_response();
  send_content("abc");
  pass(20min);
  send_content("def", true);
  EXPECT_THAT(client_->receive(), EndsWith("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"));
  EXPECT_EQ(exchanges_.last().outcome, Outcome::complete);
}

TEST_F(ProxiedH2Timeouts, AbortsAResponseWithoutALengthThatDoesNotBegin) {
  get();
  begin_response();
  pass(59s);
  EXPECT_EQ(exchanges_.size(), 0u);
  pass(2s);
  client_->receive();
  EXPECT_TRUE(client_->at_end());
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::timed_out));
}

TEST_F(ProxiedH2Timeouts, AbortsAStalledResponseWithALength) {
  get();
  begin_response("9");
  send_content("abc");
  pass(59s);
  send_content("d");
  pass(59s);
  EXPECT_EQ(exchanges_.size(), 0u);
  pass(2s);
  EXPECT_EQ(body_of(client_->receive()), "abcd");
  EXPECT_TRUE(client_->at_end());
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::timed_out));
}

}  // namespace
}  // namespace onehop
