// SPDX-License-Identifier: Apache-2.0
//
// H2UpstreamTest sends requests over one HTTP/2 connection to an upstream whose end is held by the
// test.
#pragma once

#include "support/h2_frames.hpp"
#include "support/h2_peer.hpp"
#include "support/stream_pair.hpp"
#include "transport/round_trip.hpp"

#include <memory>
#include <string>
#include <utility>

namespace onehop::transport {

// Returns the same pool on every worker.
class OnePool final : public Pools {
 public:
  explicit OnePool(ConnectionPool& pool) noexcept : pool_(pool) {}
  ConnectionPool& pool(io::Reactor&) const override { return pool_; }

 private:
  ConnectionPool& pool_;
};

// Connects once, then fails.
class OneDialer final : public net::Dialer {
 public:
  explicit OneDialer(std::unique_ptr<net::MemoryStream> stream) : stream_(std::move(stream)) {}
  task<Result<net::Dialled>> dial(const net::Destination& destination) override {
    if (!stream_) co_return failure(Errc::connect_failed, Side::upstream);
    co_return net::Dialled(std::move(stream_), destination.host);
  }

 private:
  std::unique_ptr<net::MemoryStream> stream_;
};

class H2UpstreamTest : public test::StreamPair {
 protected:
  using Asking = task<Result<Response>>;

  // `settings` is the payload of the SETTINGS frame that the upstream sends immediately.
  explicit H2UpstreamTest(const std::string& settings)
      : pool_(reactor_,
              std::make_shared<SharedPools>(Transport::Options()),
              std::make_unique<OneDialer>(std::move(near_))) {
    far_.send(h2_frames::frame(h2_frames::settings, 0, 0, settings));
  }

  // Sends the request, and as much of its body as possible.
  Asking ask(Request request) {
    Asking asking = round_trip(pools_, std::move(request));
    asking.start();
    settle();
    return asking;
  }
  // Returns the streams as the upstream has received them.
  auto& streams() {
    std::string data = far_.receive();
    peer_.take(data);
    return peer_.streams();
  }

  ConnectionPool pool_;
  const OnePool pools_{pool_};
  test::H2Peer peer_;
};

}  // namespace onehop::transport
