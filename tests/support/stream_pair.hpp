// SPDX-License-Identifier: Apache-2.0
//
// StreamPair is an in-memory connection, one end for the code under test and one for the test, on a
// reactor whose time moves only when the test moves it. For tests below the level of messages.
// Thread: owner.
#pragma once

#include "io/reactor.hpp"
#include "net/memory_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace onehop::test {

// The test's end of a connection.
class FarEnd {
 public:
  FarEnd() = default;
  explicit FarEnd(std::unique_ptr<net::MemoryStream> stream) : stream_(std::move(stream)) {}

  // Sends as much as there is room for and returns that size.
  std::size_t send(std::string_view text) {
    return stream_->try_write(text.data(), text.size()).count();
  }
  // Returns the bytes that have arrived, at most `max`.
  std::string receive(std::size_t max = std::string::npos) {
    std::string text;
    char piece[1024];
    while (text.size() < max) {
      const net::IoResult got = stream_->try_read(piece, std::min(sizeof piece, max - text.size()));
      if (!got.has_bytes()) break;
      text.append(piece, got.count());
    }
    return text;
  }
  // Returns the state after all bytes were received: "end", "reset", or "" if the connection is
  // open.
  std::string ending() {
    char byte = 0;
    const net::IoResult got = stream_->try_read(&byte, 1);
    if (got.is_wait()) return "";
    if (got.is_end()) return "end";
    return got.has_failed() ? "reset" : "more";
  }
  void close_write() { stream_->close_write(); }
  void close() { stream_.reset(); }
  void reset() {
    stream_->abort();
    stream_.reset();
  }
  net::MemoryStream& stream() { return *stream_; }

 private:
  std::unique_ptr<net::MemoryStream> stream_;
};

class StreamPair : public ::testing::Test {
 protected:
  StreamPair() : enter_(reactor_) { join(); }

  // Makes a new connection. Each direction holds `capacity` bytes until they are read.
  void join(std::size_t capacity = std::size_t{64} * 1024) {
    auto [near, far] = net::make_memory_pair(reactor_, capacity);
    near_ = std::move(near);
    far_ = FarEnd(std::move(far));
  }
  void settle() {
    while (reactor_.run_once(io::Duration::zero())) {
    }
  }
  void advance(io::Duration duration) {
    const net::Time end = reactor_.now() + duration;
    settle();
    while (reactor_.now() < end) {
      const auto next = reactor_.timers().next();
      reactor_.set_time(next && *next < end ? *next : end);
      settle();
    }
  }

  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_;
  std::unique_ptr<net::MemoryStream> near_;
  FarEnd far_;
};

}  // namespace onehop::test
