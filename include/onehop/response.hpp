// SPDX-License-Identifier: Apache-2.0
//
// Response: status, fields and content (RFC 9110 §3.4). Move-only. The framing fields
// (Content-Length, Transfer-Encoding, Connection) are written by the server from the body's length;
// a handler does not set them. One thread at a time.
#pragma once

#include <onehop/body.hpp>
#include <onehop/headers.hpp>
#include <onehop/status.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace onehop {

// The other side of an upgraded connection (RFC 9110 §7.8), carried by a 101 response.
// Dropping it closes both directions at once.
class Tunnel {
 public:
  Tunnel() = default;
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;
  virtual ~Tunnel() = default;

  // The next octets from the far side; empty at its half-close. Valid until the next read().
  virtual task<Result<bytes>> read() = 0;
  // Returns when all of `data` was accepted; `data` must stay valid until then.
  virtual task<Result<void>> write(bytes data) = 0;
  // Tells the far side that no more will come.
  virtual void close_write() = 0;
};

class Response {
 public:
  Response() = default;
  explicit Response(Status status) : status_(status) {}
  // With content; Content-Type is the caller's to set.
  Response(Status status, std::string text) : body_(Body::of(std::move(text))), status_(status) {}
  Response(Status status, Headers headers, Body body = {})
      : headers_(std::move(headers)), body_(std::move(body)), status_(status) {}

  Status status() const noexcept { return status_; }
  // Also forgets the reason phrase that was received.
  void set_status(Status status) noexcept {
    status_ = status;
    reason_ = {};
  }
  // The phrase as received over HTTP/1, or the registered one (RFC 9112 §4).
  std::string_view reason() const noexcept { return reason_.data() ? reason_ : status_.reason(); }
  // A view into this message's own memory; for codecs.
  void set_received_reason(std::string_view reason) noexcept { reason_ = reason; }

  const Headers& headers() const noexcept { return headers_; }
  Headers& headers() noexcept { return headers_; }

  const Body& body() const noexcept { return body_; }
  Body& body() noexcept { return body_; }
  // Replaces the content; whatever Content-Length was received no longer counts.
  void set_body(Body body) {
    body_ = std::move(body);
    headers_.erase("Content-Length");
  }

  // For status 101: the connection that was upgraded.
  const std::unique_ptr<Tunnel>& tunnel() const noexcept { return tunnel_; }
  std::unique_ptr<Tunnel> take_tunnel() noexcept { return std::move(tunnel_); }
  void set_tunnel(std::unique_ptr<Tunnel> tunnel) noexcept { tunnel_ = std::move(tunnel); }

  // Set by the proxy from its flush policy: write every piece by itself, as soon as it is here.
  bool flush_at_once() const noexcept { return flush_at_once_; }
  void set_flush_at_once(bool value) noexcept { flush_at_once_ = value; }

 private:
  Headers headers_;
  Body body_;  // after headers_: it may refer to the memory behind them
  std::unique_ptr<Tunnel> tunnel_;
  std::string_view reason_;
  Status status_;
  bool flush_at_once_ = false;
};

}  // namespace onehop
