// SPDX-License-Identifier: Apache-2.0
//
// The end of an HTTP/2 request: in the frame of its head, or shortly after in a frame of its own.
#include <onehop/testing.hpp>

#include "server/h2_exchange.hpp"
#include "support/h2_peer.hpp"
#include "support/messages.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using h2_frames::frame;

// The handler reports whether its request has content.
class RequestEnd : public ::testing::Test {
 protected:
  RequestEnd() {
    network_.serve("s:80", make_handler([](Request request) {
                     return Response(Status::ok, request.body().is_empty() ? "none" : "some");
                   }),
                   exchanges_.watch({}));
    client_.emplace(network_.connect("s:80"));
    client_->send(std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0));
  }
  void send_head(std::string_view method, std::vector<Field> more = {}) {
    std::vector<Field> fields = {
        {":method", method}, {":scheme", "http"}, {":authority", "h"}, {":path", "/there"}};
    fields.insert(fields.end(), more.begin(), more.end());
    client_->send(h2_frames::head(1, h2_frames::block(fields), false));
  }
  // Returns "" while there is no response.
  std::string answer() {
    peer_.take(client_->receive());
    return peer_.streams()[1].body;
  }

  testing::Network network_;
  test::ExchangeLog exchanges_;
  std::optional<testing::Wire> client_;
  test::H2Peer peer_;
};

TEST_F(RequestEnd, AGetWithADelayedEndStreamHasNoContent) {
  send_head("GET");
  EXPECT_EQ(answer(), "");
  network_.advance(2ms);
  EXPECT_EQ(answer(), "");
  client_->send(frame(h2_frames::data, h2_frames::kEndStream, 1));
  EXPECT_EQ(answer(), "none");
}

TEST_F(RequestEnd, ArrivingContentEndsTheWait) {
  send_head("DELETE");
  EXPECT_EQ(answer(), "");
  client_->send(frame(h2_frames::data, 0, 1, "x"));
  EXPECT_EQ(answer(), "some");
}

TEST_F(RequestEnd, AGetWithoutEndStreamIsServedSoon) {
  send_head("GET");
  network_.advance(20ms);
  EXPECT_EQ(answer(), "some");
}

TEST_F(RequestEnd, AGetWithAContentLengthDoesNotWait) {
  send_head("GET", {{"content-length", "4"}});
  EXPECT_EQ(answer(), "some");
}

TEST_F(RequestEnd, APostDoesNotWait) {
  send_head("POST");
  EXPECT_EQ(answer(), "some");
}

TEST_F(RequestEnd, AResetDuringTheWaitIsRecorded) {
  send_head("GET");
  client_->send(frame(h2_frames::rst_stream, 0, 1, h2_frames::number(8, 4)));
  network_.advance(20ms);
  EXPECT_EQ(answer(), "");
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
  EXPECT_EQ(exchanges_.last().target, "/there");
}

// The head is complete, but the stream is closed before the first event.
TEST_F(RequestEnd, AResetThatArrivesWithTheHeadIsRecordedAsTheClients) {
  const std::vector<Field> fields = {
      {":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/there"}};
  client_->send(h2_frames::head(1, h2_frames::block(fields), true) +
                frame(h2_frames::rst_stream, 0, 1, h2_frames::number(8, 4)));
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
  EXPECT_TRUE(exchanges_.last().failed_with(Errc::client_gone));
  EXPECT_EQ(exchanges_.last().target, "/there");
}

}  // namespace
}  // namespace onehop::server
