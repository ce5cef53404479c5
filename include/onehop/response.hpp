// SPDX-License-Identifier: Apache-2.0
//
// Response: status, fields and content (RFC 9110 §3.4). Move-only. The framing fields
// (Content-Length, Transfer-Encoding, Connection) are written by the server from the body's length;
// a handler does not set them. One that was moved from may only be destroyed or assigned to. One
// thread at a time.
#pragma once

#include <onehop/body.hpp>
#include <onehop/headers.hpp>
#include <onehop/status.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace onehop {

// The other side of an upgraded connection (RFC 9110 §7.8), carried by a 101 response.
// Dropping it closes both directions at once.
class Tunnel {
 public:
  Tunnel() = default;
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;
  virtual ~Tunnel() = default;

  // The next bytes from the far side; empty at its half-close. Valid until the next read().
  virtual task<Result<bytes>> read() = 0;
  // Returns when all of `data` was accepted; `data` must stay valid until then.
  virtual task<Result<void>> write(bytes data) = 0;
  // Tells the far side that no more will come.
  virtual void close_write() = 0;
  // Called behind close_write(): returns when the end is on its way, and all that was written
  // before it, so that dropping the tunnel loses none of it. The default returns at once.
  virtual task<void> flushed();
  // The far side has failed: nobody wants what it said before delivered any more. Asked now and
  // then while the other side does not read. The default knows nothing of it.
  virtual bool has_failed() const noexcept { return false; }
  // Called once read() has given the half-close: returns when the far side has left altogether, an
  // error when it failed. The tunnel is over then, although nobody says anything any more. The
  // default knows nothing of this and never returns.
  virtual task<Result<void>> gone();
};

class Response {
 public:
  Response() : Response(Status()) {}
  explicit Response(Status status) : Response(status, Headers()) {}
  // With content; Content-Type is the caller's to set.
  Response(Status status, std::string text)
      : Response(status, Headers(), Body::of(std::move(text))) {}
  Response(Status status, Headers headers, Body body = {})
      : parts_(std::make_unique<Parts>(status, std::move(headers), std::move(body))) {}

  Status status() const noexcept { return parts_->status; }
  // Also forgets the reason phrase that was received.
  void set_status(Status status) noexcept {
    parts_->status = status;
    parts_->reason = {};
  }
  // The phrase as received over HTTP/1, or the registered one (RFC 9112 §4).
  std::string_view reason() const noexcept {
    return parts_->reason.data() ? parts_->reason : status().reason();
  }
  // A view into this message's own memory; for codecs.
  void set_received_reason(std::string_view reason) noexcept { parts_->reason = reason; }

  const Headers& headers() const noexcept { return parts_->headers; }
  Headers& headers() noexcept { return parts_->headers; }

  const Body& body() const noexcept { return parts_->body; }
  Body& body() noexcept { return parts_->body; }
  // Replaces the content; whatever Content-Length was received no longer counts.
  void set_body(Body body) {
    parts_->body = std::move(body);
    headers().erase("Content-Length");
  }

  // For status 101: the connection that was upgraded.
  const std::unique_ptr<Tunnel>& tunnel() const noexcept { return parts_->tunnel; }
  std::unique_ptr<Tunnel> take_tunnel() noexcept { return std::move(parts_->tunnel); }
  void set_tunnel(std::unique_ptr<Tunnel> tunnel) noexcept { parts_->tunnel = std::move(tunnel); }

  // Set by the proxy from its flush policy: write every piece by itself, as soon as it is here.
  bool flush_at_once() const noexcept { return parts_->flush_at_once; }
  void set_flush_at_once(bool value) noexcept { parts_->flush_at_once = value; }

 private:
  struct Parts : detail::InFramePool {
    Parts(Status s, Headers&& h, Body&& b) : headers(std::move(h)), body(std::move(b)), status(s) {}

    Headers headers;
    Body body;  // after headers: it may refer to the memory behind them
    std::unique_ptr<Tunnel> tunnel;
    std::string_view reason;
    Status status;
    bool flush_at_once = false;
  };

  std::unique_ptr<Parts> parts_;  // null in a message that was moved from
};

}  // namespace onehop
