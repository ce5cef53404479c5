// SPDX-License-Identifier: Apache-2.0
#include "server/trace_join.hpp"

#include "http/header_lines.hpp"
#include "http/trace_context.hpp"
#include "io/random_bytes.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::server {
namespace {

constexpr std::size_t kTraceIdSize = 32;
constexpr std::size_t kSpanIdSize = 16;

std::string_view random_id(Arena& arena, std::size_t size) {
  char* const text = arena.allocate_text(size);
  do {
    io::fill_with_random_digits({text, size});
  } while (std::string_view(text, size).find_first_not_of('0') == std::string_view::npos);
  return {text, size};
}

bool draw(double probability) {
  std::array<unsigned char, 4> drawn{};
  io::fill_randomly(drawn);
  std::uint32_t number = 0;
  for (const unsigned char byte : drawn)
    number = number << 8U | byte;
  constexpr double kAll = 4294967296.0;  // 2^32
  return number < probability * kAll;
}

// Returns the value of tracestate; several fields form one list (RFC 9110 §5.3).
std::string_view tracestate_of(const Headers& headers, Arena& arena) {
  const std::vector<std::string_view> values = headers.get_all(field::tracestate);
  if (values.empty()) return {};
  if (values.size() == 1) return values.front();
  std::string joined;
  for (const std::string_view value : values)
    joined.append(joined.empty() ? "" : ",").append(value);
  return arena.copy(joined);
}

void begin_trace(Trace& trace, Headers& headers, double sample, Arena& arena) {
  trace.trace_id = random_id(arena, kTraceIdSize);
  trace.sampled = draw(sample);
  headers.erase(field::tracestate);
}

void continue_trace(Trace& trace, const TraceParent& parent, Headers& headers, Arena& arena) {
  trace.trace_id = parent.trace_id;  // in the memory of the request's fields
  trace.parent_id = parent.parent_id;
  trace.sampled = parent.sampled;
  trace.state = tracestate_of(headers, arena);
  if (is_valid_tracestate(trace.state)) return;
  trace.state = {};
  headers.erase(field::tracestate);
}

}  // namespace

Trace* join_trace(Headers& headers, bool peer_is_trusted, double sample, Arena& arena) {
  auto* const trace = arena.make<Trace>();
  trace->span_id = random_id(arena, kSpanIdSize);
  const auto parent = peer_is_trusted ? traceparent_of(headers) : std::nullopt;
  if (parent) {
    continue_trace(*trace, *parent, headers, arena);
  } else {
    begin_trace(*trace, headers, sample, arena);
  }
  const TraceParentText text = write_traceparent(
      {.trace_id = trace->trace_id, .parent_id = trace->span_id, .sampled = trace->sampled});
  HeaderWriter(headers).set_valid(field::traceparent, {text.data(), text.size()});
  return trace;
}

}  // namespace onehop::server
