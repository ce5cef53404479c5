// SPDX-License-Identifier: Apache-2.0
//
// Request is a method, a target, fields and content (RFC 9110 §3.4). It is move-only; clone_head()
// copies all but the content. Views of it stay valid until the last message of the exchange is
// destroyed. A moved-from Request may only be destroyed or assigned to. One thread at a time.
#pragma once

#include <onehop/body.hpp>
#include <onehop/exchange_record.hpp>
#include <onehop/headers.hpp>
#include <onehop/method.hpp>
#include <onehop/tls.hpp>
#include <onehop/url.hpp>
#include <onehop/version.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace onehop {

class Response;

// ConnectionId identifies one client connection, uniquely within the process. A default-constructed
// one belongs to a request that no Server received. A value; any thread.
class ConnectionId {
 public:
  ConnectionId() noexcept = default;
  explicit ConnectionId(std::uint64_t number) noexcept : number_(number) {}
  explicit operator bool() const noexcept { return number_ != 0; }
  std::uint64_t number() const noexcept { return number_; }
  friend bool operator==(ConnectionId, ConnectionId) noexcept = default;

 private:
  std::uint64_t number_ = 0;
};

// ConnectionInfo describes the connection on which a request arrived. Its views are valid as long
// as those of the request.
struct ConnectionInfo {
  std::string_view peer;  // IP address of the other end; "" if it has none (unix, memory)
  std::uint16_t peer_port = 0;
  bool peer_is_trusted = false;  // it is in Server::Options::trust
  // IP address of the client: the peer or, if the peer is trusted, the rightmost address in
  // X-Forwarded-For that is not. It may differ between requests on one connection.
  std::string_view client;
  std::string_view local;  // the local "address:port", or the socket's path
  bool tls = false;
  const TlsInfo* tls_info = nullptr;  // null without TLS
  Version version = Version::http_1_1;
  // Transport reserves an upstream connection that was authenticated with NTLM or Negotiate for the
  // client connection with this id. Without an id it does not keep such connections.
  ConnectionId id = {};
};

class Request {
 public:
  Request() : parts_(std::make_unique<Parts>()) {}
  Request(Method method, Url url) : Request(method, std::move(url), Headers()) {}
  Request(Method method, Url url, Headers headers, Body body = {})
      : parts_(
            std::make_unique<Parts>(method, std::move(url), std::move(headers), std::move(body))) {}

  const Method& method() const noexcept { return parts_->method; }
  void set_method(Method method) noexcept { parts_->method = method; }

  // In a handler, the target as received (origin-form or "*"). For a round trip, an absolute URL.
  const Url& url() const noexcept { return parts_->url; }
  Url& url() noexcept { return parts_->url; }
  void set_url(Url url) { parts_->url = std::move(url); }

  // The value of the Host field (RFC 9110 §7.2); "" if there is none.
  std::string_view host() const noexcept;
  void set_host(std::string_view host) { headers().set("Host", host); }

  const Headers& headers() const noexcept { return parts_->headers; }
  Headers& headers() noexcept { return parts_->headers; }

  const Body& body() const noexcept { return parts_->body; }
  Body& body() noexcept { return parts_->body; }
  void set_body(Body body) { parts_->body = std::move(body); }

  const ConnectionInfo& connection() const noexcept { return parts_->connection; }
  void set_connection(const ConnectionInfo& connection) { parts_->connection = connection; }

  // Returns a copy without the content and the exchange record.
  Request clone_head() const;

  // Sets the function that is called, on the request's thread, for every 1xx except 101 that the
  // upstream sends. The server sets it to pass them to the client.
  void on_informational(std::function<void(const Response&)> callback) {
    parts_->on_informational = std::move(callback);
  }
  // Throws std::invalid_argument if the response is final, or a 101, which begins a tunnel.
  void informational(const Response& response) const;

  // The record of this exchange; null for a request that no Server received.
  ExchangeRecord* record() const noexcept { return parts_->record; }
  void set_record(ExchangeRecord* record) noexcept { parts_->record = record; }

 private:
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
  };

  std::unique_ptr<Parts> parts_;  // null after a move
};

}  // namespace onehop
