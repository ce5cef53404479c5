// SPDX-License-Identifier: Apache-2.0
//
// Request: method, target, fields and content (RFC 9110 §3.4). Move-only; clone_head() copies all
// but the content. Views taken from it stay valid until the last message of the exchange is gone.
// One thread at a time.
#pragma once

#include <onehop/body.hpp>
#include <onehop/exchange.hpp>
#include <onehop/headers.hpp>
#include <onehop/method.hpp>
#include <onehop/tls.hpp>
#include <onehop/url.hpp>
#include <onehop/version.hpp>

#include <functional>
#include <string_view>

namespace onehop {

class Response;

// Facts about the connection a request came in on. Views live as long as the request's memory.
struct ConnectionInfo {
  std::string_view peer;  // IP address of the client; "" when it has none (unix, memory)
  std::uint16_t peer_port = 0;
  std::string_view local;  // "address:port" that was connected to, or the socket's path
  bool tls = false;
  const TlsInfo* tls_info = nullptr;  // what is known of it; null in clear
  Version version = Version::http_1_1;
};

class Request {
 public:
  Request() = default;
  Request(Method method, Url url) : method_(method), url_(std::move(url)) {}
  Request(Method method, Url url, Headers headers, Body body = {})
      : method_(method),
        url_(std::move(url)),
        headers_(std::move(headers)),
        body_(std::move(body)) {}

  const Method& method() const noexcept { return method_; }
  void set_method(Method method) noexcept { method_ = method; }

  // In a handler: the target as received (origin-form, or "*"). For a round trip: absolute.
  const Url& url() const noexcept { return url_; }
  Url& url() noexcept { return url_; }
  void set_url(Url url) { url_ = std::move(url); }

  // The Host field: what the client asked for (RFC 9110 §7.2). "" when there is none.
  std::string_view host() const noexcept;
  void set_host(std::string_view host) { headers_.set("Host", host); }

  const Headers& headers() const noexcept { return headers_; }
  Headers& headers() noexcept { return headers_; }

  const Body& body() const noexcept { return body_; }
  Body& body() noexcept { return body_; }
  void set_body(Body body) { body_ = std::move(body); }

  const ConnectionInfo& connection() const noexcept { return connection_; }
  void set_connection(const ConnectionInfo& connection) { connection_ = connection; }

  // Everything but the content and the exchange record.
  Request clone_head() const;

  // Called for every 1xx but 101 that the upstream sends, before the final response, on the thread
  // of the request. The server sets it to pass them to the client.
  void on_informational(std::function<void(const Response&)> callback) {
    on_informational_ = std::move(callback);
  }
  void informational(const Response& response) const {
    if (on_informational_) on_informational_(response);
  }

  // The record of this exchange; null for a request no server received.
  Exchange* exchange() const noexcept { return exchange_; }
  void set_exchange(Exchange* exchange) noexcept { exchange_ = exchange; }

 private:
  Method method_;
  Url url_;
  Headers headers_;
  Body body_;
  ConnectionInfo connection_;
  std::function<void(const Response&)> on_informational_;
  Exchange* exchange_ = nullptr;  // lives in the memory of headers_
};

}  // namespace onehop
