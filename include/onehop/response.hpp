// SPDX-License-Identifier: Apache-2.0
//
// Response is a status, fields and content (RFC 9110 §3.4). It is move-only. The server derives the
// framing fields (Content-Length, Transfer-Encoding, Connection) from the body; a handler does not
// set them, except that Connection: close ends an HTTP/1 connection after the response. A
// moved-from Response may only be destroyed or assigned to.
// Thread: owner.
#pragma once

#include <onehop/body.hpp>
#include <onehop/detail/memory.hpp>
#include <onehop/headers.hpp>
#include <onehop/status.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace onehop {

// Tunnel is the far side of an upgraded connection (RFC 9110 §7.8), carried by a 101 response.
// Destroying it closes both directions.
class Tunnel {
 public:
  Tunnel() = default;
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;
  virtual ~Tunnel() = default;

  // Returns the next bytes from the far side; an empty view once it has closed its sending
  // direction. The bytes are valid until the next read().
  virtual task<Result<bytes>> read() = 0;
  // Completes when all of `data` was accepted. `data` must stay valid until then.
  virtual task<Result<void>> write(bytes data) = 0;
  // Closes the sending direction.
  virtual void close_write() = 0;
  // Awaited after close_write(). Completes when everything written has been sent, so that
  // destroying the tunnel loses nothing. The default completes immediately.
  virtual task<void> flushed();
  // Reports whether the far side has failed; then data that it sent earlier need not be delivered.
  // Polled while the near side is not reading. The default returns false.
  virtual bool has_failed() const noexcept { return false; }
  // Awaited after read() has returned the half-close. Completes when the far side has closed both
  // directions, or with an error if it failed; no read or write would report either. The default
  // never completes.
  virtual task<Result<void>> gone();
};

class Response {
 public:
  Response() : Response(Status()) {}
  Response(Response&&) noexcept = default;
  Response& operator=(Response&&) noexcept = default;
  Response(const Response&) = delete;  // it owns its content
  Response& operator=(const Response&) = delete;
  ~Response() = default;

  // Makes a response without fields and content.
  explicit Response(Status status) : Response(status, Headers()) {}
  // Makes a response with `text` as its content, and Content-Type: text/plain; charset=utf-8, which
  // headers().set() can replace. If `text` is "", the response has neither: Response(404, "not
  // here\n"), Response(Status::no_content, "").
  Response(Status status, std::string text);
  // Makes a response with these fields and this content.
  Response(Status status, Headers headers, Body body = {})
      : parts_(std::make_unique<Parts>(status, std::move(headers), std::move(body))) {}

  // The status, 200 by default.
  Status status() const noexcept { return parts_->status; }
  // Replaces the status, and discards the reason phrase that was received.
  void set_status(Status status) noexcept {
    parts_->status = status;
    parts_->reason = {};
  }
  // Returns the reason phrase as received over HTTP/1, or the registered one (RFC 9112 §4).
  std::string_view reason() const noexcept {
    return parts_->reason.data() ? parts_->reason : status().reason();
  }

  // The fields; see above for those that the server derives.
  const Headers& headers() const noexcept { return parts_->headers; }
  Headers& headers() noexcept { return parts_->headers; }

  // The content.
  const Body& body() const noexcept { return parts_->body; }
  Body& body() noexcept { return parts_->body; }
  // Replaces the content and removes the Content-Length that was received.
  void set_body(Body body) {
    parts_->body = std::move(body);
    headers().erase("Content-Length");
  }

  // For status 101: the upgraded connection; null if there is none. take_tunnel() transfers it to
  // the caller, and set_tunnel() replaces it.
  const std::unique_ptr<Tunnel>& tunnel() const noexcept { return parts_->tunnel; }
  std::unique_ptr<Tunnel> take_tunnel() noexcept { return std::move(parts_->tunnel); }
  void set_tunnel(std::unique_ptr<Tunnel> tunnel) noexcept { parts_->tunnel = std::move(tunnel); }

 private:
  friend struct detail::MessageAccess;

  struct Parts : detail::InFramePool {
    Parts(Status s, Headers&& h, Body&& b) : headers(std::move(h)), body(std::move(b)), status(s) {}

    Headers headers;
    Body body;  // after headers: it may refer to their memory
    std::unique_ptr<Tunnel> tunnel;
    std::string_view reason;
    Status status;
    bool flush_at_once = false;
  };

  std::unique_ptr<Parts> parts_;  // null after a move
};

}  // namespace onehop
