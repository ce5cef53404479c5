// SPDX-License-Identifier: Apache-2.0
//
// Exchange: the record of one request and its answer: who, what, when, how much, and what went
// wrong. The server opens it, the transport and the proxy fill in their part, and
// Server::Options::on_exchange_end gets it. Belongs to the thread of its connection; a view.
#pragma once

#include <onehop/error.hpp>
#include <onehop/method.hpp>
#include <onehop/version.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace onehop {

// Monotonic; as coarse as one pass of the event loop.
using Time = std::chrono::steady_clock::time_point;

// How the exchange ended, whatever status the client saw.
enum class Outcome : std::uint8_t {
  complete,     // the whole answer was handed to the client
  client_gone,  // 499 in the log: the client left first; no fault of the upstream
  aborted,      // the answer was cut short, and the client could tell
};

struct Exchange {
  // The request, as received.
  Method method;
  Version version = Version::http_1_1;
  std::string_view target;
  std::string_view host;
  // Who asked: the address of the peer, or, if that is in Server::Options::trust, the rightmost
  // address in X-Forwarded-For that is not. Without port; "unix" for a unix socket.
  std::string_view client;
  std::string_view peer;  // who is at the other end of the connection, in the same form
  std::string_view user_agent;
  std::string_view referer;
  std::string_view request_id;  // X-Request-ID: made by us or of a trusted peer with
                                // Server::Options::request_ids, else whatever the client has sent
  std::string_view trace_id;    // 32 hexadecimal digits, of a valid traceparent
  bool tls = false;
  std::string_view upgrade;  // the protocols the client asks for in Upgrade
  // ReverseProxy did not pass them on: none is among its upgrades. Not for "h2c" alone, which many
  // clients offer to whoever takes it.
  bool upgrade_dropped = false;

  // The answer.
  int status = 0;  // 0: nothing was sent
  Outcome outcome = Outcome::complete;
  std::uint64_t request_body = 0;   // bytes of content received from the client
  std::uint64_t response_body = 0;  // bytes of content sent to the client
  bool upgraded = false;            // the connection became a tunnel; the counts are the tunnel's

  // The upstream; empty when none was asked.
  std::string_view upstream;   // the address connected to
  std::uint16_t attempts = 0;  // requests sent or tried; 2: one retry. Connecting again is none
  bool reused = false;         // the last attempt ran on a pooled connection

  // When: zero where it did not happen.
  Time began{};  // first byte of the request head
  Time head_received{};
  Time upstream_chosen{};  // a connection was there
  Time request_sent{};     // head, and as much of the body as was there
  Time response_began{};   // the final response head had arrived
  Time ended{};

  // Why it failed, if it did. Side tells whose fault it was.
  std::optional<Error> failure;
};

}  // namespace onehop
