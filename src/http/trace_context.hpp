// SPDX-License-Identifier: Apache-2.0
//
// traceparent and tracestate (W3C Trace Context, level 1, sections 3.2 and 3.3). They are forwarded
// unchanged and read for the log, unless the server takes part in traces.
// Thread: any.
#pragma once

#include <onehop/headers.hpp>

#include "http/field_names.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace onehop {

namespace field {
// Not in the table of known names, because only the log and traces look them up.
inline constexpr FieldName traceparent = detail::FieldNames::make(FieldId::unknown, "traceparent");
inline constexpr FieldName tracestate = detail::FieldNames::make(FieldId::unknown, "tracestate");
}  // namespace field

// The parts of a valid traceparent; views into it.
struct TraceParent {
  std::string_view trace_id;   // 32 lower-case hexadecimal digits
  std::string_view parent_id;  // 16 of them
  bool sampled = false;
};

// Parses "00-TRACE_ID-PARENT_ID-FLAGS", or a later version that begins like this.
std::optional<TraceParent> parse_traceparent(std::string_view text) noexcept;

// The length of every traceparent of version 00.
inline constexpr std::size_t kTraceParentSize = 55;
using TraceParentText = std::array<char, kTraceParentSize>;
TraceParentText write_traceparent(const TraceParent& parent) noexcept;

// Reports whether a tracestate, whose fields are joined with commas, is a list of at most 32 pairs
// KEY=VALUE. Members may be empty.
bool is_valid_tracestate(std::string_view text) noexcept;

// Returns the traceparent of a request, unless it is malformed or there are several.
std::optional<TraceParent> traceparent_of(const Headers& headers) noexcept;

// Returns the trace id of a request, or "" unless it has exactly one traceparent.
std::string_view trace_id_of(const Headers& headers) noexcept;

}  // namespace onehop
