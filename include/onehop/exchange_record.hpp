// SPDX-License-Identifier: Apache-2.0
//
// ExchangeRecord is the record of one request and its response: the peers, the times, the sizes,
// and the reason for a failure. The server creates it, the transport and the proxy fill in their
// parts, and Server::Options::on_exchange_end receives it. It belongs to the worker of its
// connection. Its views are valid as long as the record exists.
#pragma once

#include <onehop/error.hpp>
#include <onehop/method.hpp>
#include <onehop/tls.hpp>
#include <onehop/values.hpp>
#include <onehop/version.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace onehop {

struct Trace;

// Monotonic time, read once per pass of the event loop.
using Time = std::chrono::steady_clock::time_point;

// Outcome is how an exchange ended, regardless of the status that the client saw.
enum class Outcome : std::uint8_t {
  complete,     // the whole response was written to the client
  client_gone,  // the client left first; 499 in the log
  aborted,      // the response was cut short, which the client can detect
};

struct ExchangeRecord {
  // The request, as received.
  Method method;
  Version version = Version::http_1_1;
  std::string_view target;  // as received: "/p?q", an absolute URL, or "*"
  std::string_view host;    // the Host field or, over HTTP/2, :authority
  // The client's IP address: that of the peer or, if the peer is in Server::Options::trust, the
  // rightmost address in X-Forwarded-For that is not. "unix" for a unix socket.
  std::string_view client;
  // The IP address of the peer, or the one in its PROXY header, or "unix".
  std::string_view peer;
  std::string_view user_agent;  // the User-Agent field; "" if there is none
  std::string_view referer;     // the Referer field; "" if there is none
  std::string_view request_id;  // X-Request-ID, as passed on; see Server::Options::request_ids
  std::string_view trace_id;    // 32 hexadecimal digits, from a valid traceparent
  Trace* trace = nullptr;       // null without Server::Options::trace_sample
  bool tls = false;
  const TlsInfo* tls_info = nullptr;  // null without TLS
  std::string_view upgrade;           // the protocols in the client's Upgrade field
  // True if ReverseProxy passed none of those protocols on. Not set for "h2c" alone, which many
  // clients offer to every server.
  bool upgrade_dropped = false;

  // The name of the route that the handler chose, for logs. The handler may set it; the text must
  // outlive the exchange.
  std::string_view route;
  // The position of that route in the list from which its Routes was made, beginning with 1; 0 if
  // no Routes has chosen one.
  std::uint32_t route_number = 0;

  // The response.
  int status = 0;  // 0: nothing was sent
  Outcome outcome = Outcome::complete;
  std::uint64_t request_body = 0;   // bytes of content received from the client
  std::uint64_t response_body = 0;  // bytes of content sent to the client
  bool upgraded = false;            // the connection became a tunnel, whose bytes are counted

  // The upstream; empty if the request was sent to none.
  std::string_view upstream;   // the address connected to
  std::uint16_t attempts = 0;  // attempts to send the request (2: one retry); connects do not count
  bool reused = false;         // the last attempt used a pooled connection
  // Scheme and authority of the endpoint that an Upstream chose for the last attempt, such as
  // "https://a:8443"; only set with Upstream::Options::host_of_endpoint.
  std::string_view upstream_origin;
  // How long it took to connect, in the last attempt that made a new connection.
  std::chrono::nanoseconds dial_time{};

  // Points in time; zero if they were not reached.
  Time began{};  // first byte of the request head
  Time head_received{};
  Time upstream_chosen{};  // a connection was available
  Time request_sent{};     // the head, and the body as far as it was available
  Time response_began{};   // the final response head had arrived
  Time ended{};

  // The reason, if the exchange failed. Error::side() is the party at fault.
  std::optional<Error> failure;

  // The values that the program attached to the exchange; see Request::values().
  Values values = {};
};

}  // namespace onehop
