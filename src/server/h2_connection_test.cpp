// SPDX-License-Identifier: Apache-2.0
#include "server/h2_connection.hpp"

#include "server/worker.hpp"
#include "support/h2_peer.hpp"
#include "support/messages.hpp"
#include "support/stream_pair.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using h2_frames::frame;
using h2_frames::number;

// A client at far_ that opens large windows and then does not read, so that the server's output
// fills the connection.
class H2ConnectionTest : public test::StreamPair {
 protected:
  H2ConnectionTest() : common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    *common_->settings.options = exchanges_.options();
    worker_ = std::make_unique<Worker>(reactor_, common_, make_handler([](Request) {
                                         return Response(Status::ok, std::string(1 << 20, 'x'));
                                       }));
    worker_->adopt(std::move(near_), AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"),
                   false);
    far_.send(std::string(h2_frames::kPreface) +
              frame(h2_frames::settings, 0, 0, number(4, 2) + number(1 << 22, 4)) +
              frame(h2_frames::window_update, 0, 0, number(1 << 22, 4)) + get(3));
    settle();
  }
  static std::string get(std::uint32_t stream) {
    return frame(
        h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream, stream,
        h2_frames::block(
            {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}}));
  }
  std::size_t connections() const { return common_->admission.connections(); }

  test::ExchangeLog exchanges_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(H2ConnectionTest, ResetsAClientThatDoesNotRead) {
  advance(50s);
  EXPECT_EQ(connections(), 1u);
  advance(30s);
  EXPECT_EQ(connections(), 0u);
  ASSERT_EQ(exchanges_.size(), 1u);
  EXPECT_EQ(exchanges_.last().outcome, Outcome::client_gone);
  test::H2Peer peer;
  peer.take(far_.receive());
  EXPECT_FALSE(peer.streams()[3].ended);
  EXPECT_EQ(far_.ending(), "reset");
}

// The GOAWAY with the reason comes after bytes that the client does not read.
TEST_F(H2ConnectionTest, AGoawayDoesNotWaitLongForAClientThatDoesNotRead) {
  far_.send(get(1));  // not greater than the stream before
  settle();
  EXPECT_EQ(connections(), 1u);
  advance(7s);
  EXPECT_EQ(connections(), 0u);
}

// A reset of the connection could overtake the GOAWAY.
TEST_F(H2ConnectionTest, AClientThatKeepsSendingAfterAnErrorReceivesTheGoaway) {
  join();  // the first client has left
  worker_->adopt(std::move(near_), AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), "s:80"),
                 false);
  far_.send(std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0) +
            frame(h2_frames::data, 0, 1, "of no request"));
  settle();
  EXPECT_EQ(connections(), 1u) << "what it still sends is taken in";
  far_.send("more");
  settle();
  std::string said = far_.receive();
  bool is_told = false;
  for (const h2_frames::Frame& one : h2_frames::take_frames(said))
    is_told = is_told || one.type == h2_frames::goaway;
  EXPECT_TRUE(is_told);
  EXPECT_EQ(far_.ending(), "end");
  advance(6s);
  EXPECT_EQ(connections(), 0u);
}

}  // namespace
}  // namespace onehop::server
