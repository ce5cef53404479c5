// SPDX-License-Identifier: Apache-2.0
//
// Trace is the part of an exchange in a distributed trace (W3C Trace Context): its ids, and its
// attempts to send the request. It exists if Server::Options::trace_sample is set. It belongs to
// the ExchangeRecord, and its views are valid as long as those of the record. Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/version.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string_view>

namespace onehop {

// TraceAttempt is one attempt of a Transport to send the request. Its span is the parent of the
// upstream's span: the traceparent that was sent has its id.
struct TraceAttempt {
  std::array<char, 16> span_id{};       // hexadecimal digits
  std::string_view url;                 // where the request was sent; "" unless it is sampled
  std::string_view upstream;            // the address connected to; "" if there was no connection
  Version version = Version::http_1_1;  // of the connection to the upstream
  bool reused = false;                  // a pooled connection
  int status = 0;                       // of the upstream's response; 0 if there was none

  // Points in time; zero if they were not reached.
  std::chrono::steady_clock::time_point began{};
  std::chrono::steady_clock::time_point connected{};
  std::chrono::steady_clock::time_point request_sent{};
  std::chrono::steady_clock::time_point response_began{};
  std::chrono::steady_clock::time_point failed{};

  std::optional<Error> failure;  // if it failed before the response began
  TraceAttempt* next = nullptr;  // the following attempt
};

struct Trace {
  std::string_view trace_id;   // 32 hexadecimal digits
  std::string_view span_id;    // 16, of the exchange itself
  std::string_view parent_id;  // 16, of the trusted peer that sent the request; "" if none did
  std::string_view state;      // the tracestate that is passed on
  // True if the peer sampled the trace or, for a trace that begins here, if chance selected it.
  bool sampled = false;
  TraceAttempt* first_attempt = nullptr;
};

}  // namespace onehop
