// SPDX-License-Identifier: Apache-2.0
//
// H2LinkPair is an HTTP/2 session of either role on an in-memory connection, at whose other end the
// test writes frames by hand. Time moves only when the test moves it.
// Thread: owner.
#pragma once

#include "base/arena.hpp"
#include "http/h2/session.hpp"
#include "support/h2_frames.hpp"
#include "support/stream_pair.hpp"
#include "wire/h2_link.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::test {

class LinkedStream final : public h2::Stream {
 public:
  LinkedStream() : Stream(Arena::create()) {}
  void on_event() override {
    if (on_event_) on_event_();
  }
  std::function<void()> on_event_;
};

class H2LinkPair : public StreamPair, public h2::SessionObserver {
 protected:
  using Step = wire::H2Link::Step;

  // Reads the peer's SETTINGS and acknowledges ours.
  void start(h2::Role role, const h2::SessionLimits& limits = {}) {
    join(std::size_t{4} * 1024 * 1024);
    session_ = std::make_unique<h2::Session>(role, limits, *this);
    link_ = std::make_unique<wire::H2Link>(
        *near_, *session_, role == h2::Role::client ? Side::upstream : Side::client,
        net::Duration::max(), io::Callback{[](void*) {}, nullptr});
    link_->flush_now();
    const std::string preface(role == h2::Role::server ? h2_frames::kPreface : "");
    say(preface + h2_frames::frame(h2_frames::settings, 0, 0) +
        h2_frames::frame(h2_frames::settings, h2_frames::kAck, 0));
    far_.receive();
  }
  // Sends these bytes as the peer, and lets the session read them.
  void say(std::string_view data) {
    EXPECT_EQ(far_.send(data), data.size());
    EXPECT_EQ(link_->read(), Step::wait);
    settle();
  }
  h2::Stream* on_request() override { return &stream_; }

  LinkedStream stream_;
  std::unique_ptr<h2::Session> session_;
  std::unique_ptr<wire::H2Link> link_;
};

}  // namespace onehop::test
