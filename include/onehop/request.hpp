// SPDX-License-Identifier: Apache-2.0
//
// Request is a method, a target, fields and content (RFC 9110 §3.4). It is move-only; clone_head()
// copies everything but the content. Its views stay valid until the last message of the exchange is
// destroyed. A moved-from Request may only be destroyed or assigned to.
// Thread: owner.
#pragma once

#include <onehop/body.hpp>
#include <onehop/detail/clock.hpp>
#include <onehop/detail/memory.hpp>
#include <onehop/exchange_record.hpp>
#include <onehop/headers.hpp>
#include <onehop/method.hpp>
#include <onehop/tls.hpp>
#include <onehop/url.hpp>
#include <onehop/values.hpp>
#include <onehop/version.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace onehop {

class Response;

// ConnectionId identifies one client connection within the process. A default-constructed one
// belongs to a request that no Server received. It is a value.
// Thread: any.
class ConnectionId {
 public:
  ConnectionId() noexcept = default;
  // For your own server: `number` must not be 0, and must be unique within the process.
  explicit ConnectionId(std::uint64_t number) noexcept : number_(number) {}
  explicit operator bool() const noexcept { return number_ != 0; }
  // The number of the connection; 0 for a default-constructed one.
  std::uint64_t number() const noexcept { return number_; }
  friend bool operator==(ConnectionId, ConnectionId) noexcept = default;

 private:
  std::uint64_t number_ = 0;
};

// ConnectionInfo describes the connection on which a request arrived. Its views are valid as long
// as those of the request.
struct ConnectionInfo {
  // IP address of the peer, or the one in its PROXY header; "" if there is none (unix, memory).
  std::string_view peer;
  std::uint16_t peer_port = 0;   // 0 if `peer` is ""
  bool peer_is_trusted = false;  // it is in Server::Options::trust
  // The user id of the process at the other end of a unix socket.
  static constexpr std::uint32_t kNoUser = ~std::uint32_t{0};
  std::uint32_t peer_user = kNoUser;
  // IP address of the client: the peer or, if the peer is trusted, the rightmost address in
  // X-Forwarded-For that is not. It may differ between requests on one connection.
  std::string_view client;
  std::string_view local;  // the local "address:port", or the socket's path
  bool tls = false;
  const TlsInfo* tls_info = nullptr;    // null without TLS
  Version version = Version::http_1_1;  // of the request
  // Transport reserves an upstream connection that was authenticated with NTLM or Negotiate for the
  // client connection with this id. Without an id it does not keep such connections.
  ConnectionId id = {};
};

class Request {
 public:
  Request() : parts_(std::make_unique<Parts>()) {}
  Request(Request&&) noexcept = default;
  Request& operator=(Request&&) noexcept = default;
  Request(const Request&) = delete;  // it owns its content; see clone_head()
  Request& operator=(const Request&) = delete;
  ~Request() = default;

  // Makes a request for a round trip. `url` must be absolute. If Host is not set, a Transport sends
  // the authority of the URL.
  Request(Method method, Url url) : Request(method, std::move(url), Headers()) {}
  Request(Method method, Url url, Headers headers, Body body = {})
      : parts_(
            std::make_unique<Parts>(method, std::move(url), std::move(headers), std::move(body))) {}

  // The method, GET by default.
  const Method& method() const noexcept { return parts_->method; }
  // Replaces the method.
  void set_method(Method method) noexcept { parts_->method = method; }

  // In a handler, url() is the target as received (origin-form or "*"); for a round trip, it is an
  // absolute URL. set_url() replaces it and leaves Host as it is.
  const Url& url() const noexcept { return parts_->url; }
  Url& url() noexcept { return parts_->url; }
  void set_url(Url url) { parts_->url = std::move(url); }

  // The value of the Host field (RFC 9110 §7.2); "" if there is none.
  std::string_view host() const noexcept;
  // Replaces the Host field. Throws as Headers::set() does.
  void set_host(std::string_view host) { headers().set("Host", host); }

  // The fields. A Transport derives the framing fields, such as Content-Length, from the body.
  const Headers& headers() const noexcept { return parts_->headers; }
  Headers& headers() noexcept { return parts_->headers; }

  // The content. set_body() replaces it.
  const Body& body() const noexcept { return parts_->body; }
  Body& body() noexcept { return parts_->body; }
  void set_body(Body body) { parts_->body = std::move(body); }

  // The connection on which the request arrived; all empty if no Server received it.
  const ConnectionInfo& connection() const noexcept { return parts_->connection; }

  // Returns a copy without the content and the exchange record. It has the same values() and
  // deadline().
  Request clone_head() const;

  // The values that travel with this request; see <onehop/values.hpp>.
  Values values() const;

  // Returns the time by which the exchange must be over; std::nullopt if only the timeouts of the
  // Transport apply. At the deadline, a Transport ends the round trip, or the response's content,
  // with Errc::timed_out, and a ReverseProxy stops waiting for its hooks and responds with 504.
  // Tunnels are not affected.
  std::optional<Time> deadline() const noexcept {
    if (parts_->deadline == Time::max()) return std::nullopt;
    return parts_->deadline;
  }
  // Sets the deadline to a point in time, which may have passed already.
  void set_deadline(Time deadline) noexcept { parts_->deadline = deadline; }
  // Sets the deadline to `duration` from now. It must be called on a worker, or in testing::run,
  // whose clock it uses.
  void set_deadline(std::chrono::nanoseconds duration) noexcept {
    parts_->deadline = detail::time_after(duration);
  }
  // Removes the deadline.
  void clear_deadline() noexcept { parts_->deadline = Time::max(); }

  // Sends `response`, a 1xx such as 103 (Early Hints), to the client before the final response. A
  // RoundTripper calls this for each 1xx that the upstream sends. It does nothing if no Server
  // received the request. Throws std::invalid_argument if the response is final, or a 101, which
  // begins a tunnel.
  void send_informational(const Response& response) const;

  // The record of this exchange; null if no Server received the request.
  ExchangeRecord* record() const noexcept { return parts_->record; }

 private:
  friend struct detail::MessageAccess;

  struct Parts : detail::InFramePool {
    Parts() = default;
    Parts(Method m, Url&& u, Headers&& h, Body&& b)
        : method(m), url(std::move(u)), headers(std::move(h)), body(std::move(b)) {}

    Method method;
    Url url;
    Headers headers;
    Body body;
    ConnectionInfo connection;
    std::function<void(const Response&)> on_informational;
    ExchangeRecord* record = nullptr;  // lives in the memory of headers
    detail::ArenaRef value_memory;     // of values(), once it was called
    Time deadline = Time::max();       // max(): none
  };

  std::unique_ptr<Parts> parts_;  // null after a move
};

}  // namespace onehop
