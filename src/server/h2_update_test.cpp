// SPDX-License-Identifier: Apache-2.0
//
// Open HTTP/2 connections during an update of their worker.
#include <onehop/scope.hpp>

#include "server/h2_connection.hpp"
#include "server/worker.hpp"
#include "support/h2_peer.hpp"
#include "support/messages.hpp"
#include "support/stream_pair.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;
using h2_frames::frame;
using h2_frames::Frame;
using h2_frames::number;

class UpdatedH2Connection : public test::StreamPair {
 protected:
  UpdatedH2Connection() : common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    *common_->settings.options = exchanges_.options();
    worker_ = std::make_unique<Worker>(reactor_, common_, handler());
    worker_->adopt(std::move(near_),
                   AcceptedFrom(*net::Address::from_ip("192.0.2.1", 5), listener_), false);
    far_.send(std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0) +
              frame(h2_frames::settings, h2_frames::kAck, 0));
    settle();
    received();
  }
  static std::shared_ptr<const Handler> handler() {
    return make_handler([](Request) -> task<Response> {
      co_await sleep_for(10s);
      co_return Response(Status::ok, "late");
    });
  }
  void update(std::size_t max_streams) {
    Settings next;
    *next.options = exchanges_.options();
    next.options->max_streams = max_streams;
    worker_->prepare(next, [] { return handler(); });
    worker_->commit();
    settle();
  }
  void ask(std::uint32_t stream) {
    far_.send(
        frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream, stream,
              h2_frames::block(
                  {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}})));
    settle();
  }
  ServerMetrics::Http2 counts() const {
    ServerMetrics metrics;
    worker_->add_to(metrics);
    return metrics.http2;
  }
  std::vector<Frame> received() {
    std::string said = far_.receive();
    return h2_frames::take_frames(said);
  }

  test::ExchangeLog exchanges_;
  std::shared_ptr<Listener> listener_ = std::make_shared<Listener>("s:80");
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(UpdatedH2Connection, AppliesALowerStreamLimitAtOnce) {
  ask(1);
  update(1);
  const auto said = received();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].type, h2_frames::settings);
  EXPECT_EQ(said[0].payload, number(3, 2) + number(1, 4));
  ask(3);  // before the client has seen the new limit
  const auto refused = received();
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].type, h2_frames::rst_stream);
  EXPECT_EQ(refused[0].payload, number(7, 4)) << "REFUSED_STREAM";
  EXPECT_EQ(counts().over_max_streams_total, 1u);
  EXPECT_NE(counts().last_over_max_streams, std::chrono::steady_clock::time_point());
  update(1);
  EXPECT_TRUE(received().empty()) << "it is what it was";
  update(2);
  far_.send(frame(h2_frames::settings, h2_frames::kAck, 0) +
            frame(h2_frames::settings, h2_frames::kAck, 0));
  received();
  ask(5);
  EXPECT_TRUE(received().empty()) << "it is served";
  EXPECT_EQ(counts().over_max_streams_total, 1u);
  ask(7);  // although the client has seen the limit
  EXPECT_EQ(counts().over_max_streams_total, 2u);
  EXPECT_EQ(counts().refused_total, 0u) << "those are for want of memory";
}

TEST_F(UpdatedH2Connection, DoesNotCountOtherErrorsAsRefusedStreams) {
  update(1);
  far_.send(frame(h2_frames::settings, h2_frames::kAck, 0));
  received();
  ask(2);  // an identifier that only servers use
  EXPECT_EQ(counts().over_max_streams_total, 0u);
}

TEST_F(UpdatedH2Connection, EndsGracefullyWhenItsListenerIsRemoved) {
  ask(1);
  listener_->remove();
  update(128);
  const auto said = received();
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0].type, h2_frames::ping);
  EXPECT_EQ(said[1].type, h2_frames::goaway);
  EXPECT_EQ(said[1].payload.substr(0, 4), number(0x7fffffff, 4));
  advance(11s);
  test::H2Peer peer;
  peer.take(far_.receive());
  EXPECT_TRUE(peer.has_said_goodbye());
  EXPECT_EQ(peer.streams()[1].body, "late");
  EXPECT_EQ(far_.ending(), "end");
}

}  // namespace
}  // namespace onehop::server
