// SPDX-License-Identifier: Apache-2.0
//
// Reads traceparent and tracestate. An accepted traceparent reads the same after it is written, and
// an accepted list stays accepted in parts. Input: traceparent, NUL, tracestate.

#include "base/check.hpp"
#include "fuzz_one.hpp"
#include "http/trace_context.hpp"

#include <string_view>

namespace onehop::fuzz {
namespace {

void check_parent(std::string_view text) {
  const auto parent = parse_traceparent(text);
  if (!parent) return;
  ONEHOP_CHECK(text.size() >= kTraceParentSize && !text.starts_with("ff"));
  for (const std::string_view id : {parent->trace_id, parent->parent_id}) {
    ONEHOP_CHECK(id.find_first_not_of("0123456789abcdef") == std::string_view::npos);
    ONEHOP_CHECK(id.find_first_not_of('0') != std::string_view::npos);
  }
  const TraceParentText written = write_traceparent(*parent);
  const auto again = parse_traceparent({written.data(), written.size()});
  ONEHOP_CHECK(again.has_value() && again->trace_id == parent->trace_id &&
               again->parent_id == parent->parent_id && again->sampled == parent->sampled);
  ONEHOP_CHECK(!parse_traceparent(text.substr(0, kTraceParentSize - 1)).has_value());
}

void check_state(std::string_view text) {
  if (!is_valid_tracestate(text)) return;
  ONEHOP_CHECK(text.find_first_of("\r\n\x7f") == std::string_view::npos);
  for (std::size_t comma = text.find(','); comma != std::string_view::npos;
       comma = text.find(',', comma + 1)) {
    ONEHOP_CHECK(is_valid_tracestate(text.substr(0, comma)));
    ONEHOP_CHECK(is_valid_tracestate(text.substr(comma + 1)));
  }
}

}  // namespace

void fuzz_one(std::string_view input) {
  check_parent(take_text(input));
  check_state(input);
}

}  // namespace onehop::fuzz
