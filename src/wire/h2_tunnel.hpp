// SPDX-License-Identifier: Apache-2.0
//
// H2Tunnel is an HTTP/2 stream as a Tunnel (RFC 8441), for both roles. Thread: owner.
#pragma once

#include "http/h2/stream.hpp"
#include "io/event.hpp"
#include "wire/h2_body_sender.hpp"
#include "wire/tunnel_relay.hpp"

namespace onehop::wire {

class H2Tunnel : public RelayedTunnel {
 public:
  // The exchange that owns the stream.
  class Owner {
   public:
    // Returns the link of the stream's connection, or null if the connection is gone.
    virtual H2Link* tunnel_link() noexcept = 0;
    // Returns why the stream was closed before its end.
    virtual Error tunnel_error() const = 0;

   protected:
    ~Owner() = default;
  };

  // All arguments must outlive the tunnel.
  H2Tunnel(h2::Stream& stream, H2BodySender& sender, io::Reactor& reactor, Owner& owner) noexcept
      : stream_(stream), sender_(sender), owner_(owner), reactor_(reactor), changed_(reactor) {}

  // Must be called by Stream::on_event(), after H2BodySender::on_event().
  void on_event() noexcept;

  task<Result<bytes>> read() override;
  task<Result<void>> write(bytes data) override;
  void close_write() override;
  task<void> flushed() override { return sender_.wait_for_end(); }
  // A peer that needs no more data may follow its end with a reset that carries NO_ERROR (RFC 9113
  // §8.1). Only another end of the stream is a failure.
  bool has_failed() const noexcept override {
    return stream_.is_closed() &&
           !(stream_.has_ended() && stream_.close_code() == h2::ErrorCode::no_error);
  }
  task<Result<void>> gone() override;

 private:
  void flush_soon() noexcept;

  h2::Stream& stream_;
  H2BodySender& sender_;
  Owner& owner_;
  io::Reactor& reactor_;
  io::Event changed_;
};

}  // namespace onehop::wire
