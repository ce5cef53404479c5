// SPDX-License-Identifier: Apache-2.0
#include "http/trace_context.hpp"

#include "base/ascii.hpp"
#include "http/header_lines.hpp"

#include <algorithm>

namespace onehop {
namespace {

// version "-" trace-id "-" parent-id "-" trace-flags
constexpr std::size_t kTraceIdAt = 3;
constexpr std::size_t kTraceIdSize = 32;
constexpr std::size_t kParentIdAt = 36;
constexpr std::size_t kParentIdSize = 16;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kSize = 55;

bool is_hexadecimal(std::string_view text) noexcept {
  return std::ranges::all_of(text,
                             [](char c) { return ascii::is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) noexcept {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

std::string_view trace_id_in(std::string_view traceparent) noexcept {
  if (traceparent.size() < kSize) return {};
  const std::string_view version = traceparent.substr(0, 2);
  const std::string_view trace_id = traceparent.substr(kTraceIdAt, kTraceIdSize);
  const std::string_view parent_id = traceparent.substr(kParentIdAt, kParentIdSize);
  const std::string_view flags = traceparent.substr(kFlagsAt, 2);
  for (const std::size_t dash : {kTraceIdAt, kParentIdAt, kFlagsAt}) {
    if (traceparent[dash - 1] != '-') return {};
  }
  for (const std::string_view part : {version, trace_id, parent_id, flags}) {
    if (!is_hexadecimal(part)) return {};
  }
  if (version == "ff" || is_zero(trace_id) || is_zero(parent_id)) return {};
  // A later version may continue after another hyphen.
  const bool has_more = traceparent.size() > kSize;
  if (has_more && (version == "00" || traceparent[kSize] != '-')) return {};
  return trace_id;
}

std::string_view trace_id_of(const Headers& headers) noexcept {
  std::string_view found;
  for (const FieldLine& line : HeaderLines(headers)) {
    if (line.id != FieldId::unknown) continue;
    const Field field = line.field();
    if (!ascii::equals_ignoring_case(field.name, field::traceparent.text())) continue;
    if (!found.empty()) return {};
    found = field.value;
  }
  return trace_id_in(found);
}

}  // namespace onehop
