// SPDX-License-Identifier: Apache-2.0
//
// Two HTTP/2 sessions, of a client and a server, that exchange bytes in memory.
#pragma once

#include "base/arena.hpp"
#include "http/h2/session.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::h2 {

inline constexpr Session::Time kNow = Session::Time{} + std::chrono::hours(1);

inline FieldList put() {
  return {{":method", "PUT"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}};
}

class TestStream final : public Stream {
 public:
  TestStream() : Stream(Arena::create()) {}
  void on_event() override {
    ++news_;
    if (on_event_) on_event_(*this);
  }
  std::string take_all() {
    std::string all;
    for (std::string_view piece = take_piece(); !piece.empty(); piece = take_piece())
      all += piece;
    return all;
  }
  int news_ = 0;
  std::function<void(TestStream&)> on_event_;
};

class Peer final : public SessionObserver {
 public:
  Peer(Role role, SessionLimits limits) : session_(role, limits, *this) {}
  Stream* on_request() override {
    if (refuse_) return nullptr;
    streams_.push_back(std::make_unique<TestStream>());
    return streams_.back().get();
  }
  void on_ping_answered() override { ++pings_; }
  void on_goaway(std::int32_t last, ErrorCode reason) override {
    goaway_ = last;
    goaway_reason_ = reason;
  }

  std::string output() {
    std::vector<char> memory(64 * 1024);
    std::string all;
    for (std::size_t size = session_.produce(memory); size > 0; size = session_.produce(memory))
      all.append(memory.data(), size);
    return all;
  }

  std::vector<std::unique_ptr<TestStream>> streams_;
  Session session_;  // destroyed before the streams
  int pings_ = 0;
  std::int32_t goaway_ = -1;
  ErrorCode goaway_reason_ = ErrorCode::no_error;
  bool refuse_ = false;
};

// Exchanges bytes until there are none left. Returns false if a session reports that the connection
// is over.
inline bool settle(Peer& client, Peer& server) {
  bool alive = true;
  for (int quiet = 0; quiet < 2;) {
    const std::string up = client.output();
    const std::string down = server.output();
    quiet = up.empty() && down.empty() ? quiet + 1 : 0;
    if (!up.empty()) alive = server.session_.receive(up, kNow) && alive;
    if (!down.empty()) alive = client.session_.receive(down, kNow) && alive;
    client.session_.deliver_events();
    server.session_.deliver_events();
  }
  return alive;
}

class SessionTest : public ::testing::Test {
 protected:
  bool settle() { return h2::settle(client_, server_); }

  // Opens a request of the client and returns the server's end.
  TestStream& open(bool end, FieldList more = {}) {
    FieldList fields = {
        {":method", "POST"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/p"}};
    fields.insert(fields.end(), more.begin(), more.end());
    EXPECT_TRUE(client_.session_.open(request_, fields, end));
    EXPECT_TRUE(settle());
    return *server_.streams_.back();
  }

  static SessionLimits limits() {
    SessionLimits limits;
    limits.max_streams = 4;
    return limits;
  }

  TestStream request_;
  Peer server_{Role::server, limits()};
  Peer client_{Role::client, {}};
};

}  // namespace onehop::h2
