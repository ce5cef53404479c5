// SPDX-License-Identifier: Apache-2.0
//
// AttemptTrace records the attempts of one round trip in the request's Trace, and puts the span of
// each attempt into the request's traceparent. Without a trace it does nothing. Thread: owner.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>
#include <onehop/trace.hpp>

namespace onehop::transport {

class AttemptTrace {
 public:
  // `request` outlives it.
  explicit AttemptTrace(Request& request) noexcept
      : request_(request), trace_(request.record() ? request.record()->trace : nullptr) {}

  // Records the start of an attempt, which begins by asking for a connection.
  void begin(Time now) {
    if (trace_) begin_attempt(now);
  }
  // Records the connection that the attempt got, and when, from the request's record.
  void connected(Version version) {
    if (attempt_) record_connection(version);
  }
  // Records that the attempt got no connection, or that its request failed.
  void failed(const Error& error, Time now) {
    if (attempt_) record_failure(error, now);
  }
  void responded(const Response& response) {
    if (attempt_) record_response(response);
  }

 private:
  void begin_attempt(Time now);
  void record_connection(Version version);
  void record_failure(const Error& error, Time now);
  void record_response(const Response& response);
  void record_times();

  Request& request_;
  Trace* const trace_;
  TraceAttempt* attempt_ = nullptr;
};

}  // namespace onehop::transport
