// SPDX-License-Identifier: Apache-2.0
#include "transport/attempt_trace.hpp"

#include "base/arena.hpp"
#include "http/header_lines.hpp"
#include "http/message_access.hpp"
#include "http/trace_context.hpp"
#include "io/random_bytes.hpp"

#include <string_view>

namespace onehop::transport {

void AttemptTrace::begin_attempt(Time now) {
  Arena& arena = MessageAccess::memory(request_);
  auto* const attempt = arena.make<TraceAttempt>();
  io::fill_with_random_digits(attempt->span_id);
  if (trace_->sampled) attempt->url = arena.copy(request_.url().to_string());
  attempt->began = now;
  TraceAttempt** last = attempt_ ? &attempt_->next : &trace_->first_attempt;
  while (*last != nullptr)  // attempts of an earlier round trip of the exchange
    last = &(*last)->next;
  *last = attempt_ = attempt;
  // A hook may have removed the field.
  Headers& headers = request_.headers();
  if (!headers.has(field::traceparent)) return;
  const std::string_view span_id(attempt->span_id.data(), attempt->span_id.size());
  const TraceParentText text = write_traceparent(
      {.trace_id = trace_->trace_id, .parent_id = span_id, .sampled = trace_->sampled});
  HeaderWriter(headers).set_valid(field::traceparent, {text.data(), text.size()});
}

void AttemptTrace::record_connection(Version version) {
  const ExchangeRecord& record = *request_.record();
  attempt_->upstream = record.upstream;
  attempt_->version = version;
  attempt_->reused = record.reused;
  attempt_->connected = record.upstream_chosen;
}

void AttemptTrace::record_times() {
  attempt_->request_sent = request_.record()->request_sent;
  attempt_->response_began = request_.record()->response_began;
}

void AttemptTrace::record_failure(const Error& error, Time now) {
  record_times();
  attempt_->failed = now;
  attempt_->failure = error;
}

void AttemptTrace::record_response(const Response& response) {
  record_times();
  attempt_->status = response.status().code();
}

}  // namespace onehop::transport
