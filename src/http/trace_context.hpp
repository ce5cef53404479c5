// SPDX-License-Identifier: Apache-2.0
//
// Reads and writes traceparent and tracestate (W3C Trace Context, level 1, sections 3.2 and 3.3).
// Unless the server takes part in traces, it forwards both unchanged and reads traceparent only for
// the log.
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
  std::string_view parent_id;  // 16 lower-case hexadecimal digits
  bool sampled = false;
};

// Parses "00-TRACE_ID-PARENT_ID-FLAGS", or a later version that begins like this.
std::optional<TraceParent> parse_traceparent(std::string_view text) noexcept;

// The size of a traceparent of version 00, in bytes.
inline constexpr std::size_t kTraceParentSize = 55;
using TraceParentText = std::array<char, kTraceParentSize>;
TraceParentText write_traceparent(const TraceParent& parent) noexcept;

// Reports whether `text`, the tracestate lines joined with commas, is a list of at most 32 pairs
// KEY=VALUE. The list may also have empty members.
bool is_valid_tracestate(std::string_view text) noexcept;

// Returns the traceparent of a request, or std::nullopt unless there is exactly one and it is well
// formed.
std::optional<TraceParent> traceparent_of(const Headers& headers) noexcept;

// Returns the trace id of that traceparent, or "" if there is none.
std::string_view trace_id_of(const Headers& headers) noexcept;

}  // namespace onehop
