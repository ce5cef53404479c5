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
constexpr std::size_t kSize = kTraceParentSize;
constexpr unsigned kSampled = 1;

bool is_hexadecimal(std::string_view text) noexcept {
  return std::ranges::all_of(text,
                             [](char c) { return ascii::is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) noexcept {
  return text.find_first_not_of('0') == std::string_view::npos;
}

unsigned digit_of(char c) noexcept {
  return static_cast<unsigned>(ascii::is_digit(c) ? c - '0' : c - 'a' + 10);
}

bool is_lower_or_digit(char c) noexcept {
  return ascii::is_digit(c) || (c >= 'a' && c <= 'z');
}

// "tenant@system", or a name alone (section 3.3.1.3.1).
bool is_tracestate_key(std::string_view key) noexcept {
  const auto is_rest = [](std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
      return is_lower_or_digit(c) || c == '_' || c == '-' || c == '*' || c == '/';
    });
  };
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos) {
    return !key.empty() && key.size() <= 256 && is_lower(key.front()) && is_rest(key);
  }
  const std::string_view tenant = key.substr(0, at);
  const std::string_view system = key.substr(at + 1);
  return !tenant.empty() && tenant.size() <= 241 && is_lower_or_digit(tenant.front()) &&
         is_rest(tenant) && !system.empty() && system.size() <= 14 && is_lower(system.front()) &&
         is_rest(system);
}

bool is_tracestate_value(std::string_view value) noexcept {
  return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
         std::ranges::all_of(value,
                             [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

std::string_view without_blanks(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

}  // namespace

std::optional<TraceParent> parse_traceparent(std::string_view text) noexcept {
  if (text.size() < kSize) return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  const TraceParent parts{.trace_id = text.substr(kTraceIdAt, kTraceIdSize),
                          .parent_id = text.substr(kParentIdAt, kParentIdSize),
                          .sampled = false};
  const std::string_view flags = text.substr(kFlagsAt, 2);
  for (const std::size_t dash : {kTraceIdAt, kParentIdAt, kFlagsAt}) {
    if (text[dash - 1] != '-') return std::nullopt;
  }
  for (const std::string_view part : {version, parts.trace_id, parts.parent_id, flags}) {
    if (!is_hexadecimal(part)) return std::nullopt;
  }
  if (version == "ff" || is_zero(parts.trace_id) || is_zero(parts.parent_id)) return std::nullopt;
  // A later version may continue after another hyphen.
  const bool has_more = text.size() > kSize;
  if (has_more && (version == "00" || text[kSize] != '-')) return std::nullopt;
  return TraceParent{.trace_id = parts.trace_id,
                     .parent_id = parts.parent_id,
                     .sampled = (digit_of(flags[1]) & kSampled) != 0};
}

TraceParentText write_traceparent(const TraceParent& parent) noexcept {
  TraceParentText text;
  std::ranges::copy(std::string_view("00-"), text.begin());
  std::ranges::copy(parent.trace_id, text.begin() + kTraceIdAt);
  text[kParentIdAt - 1] = '-';
  std::ranges::copy(parent.parent_id, text.begin() + kParentIdAt);
  std::ranges::copy(std::string_view(parent.sampled ? "-01" : "-00"), text.begin() + kFlagsAt - 1);
  return text;
}

bool is_valid_tracestate(std::string_view text) noexcept {
  constexpr std::size_t kMaxMembers = 32;
  std::size_t members = 0;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view member = without_blanks(text.substr(0, comma));
    if (!member.empty()) {
      const std::size_t equals = member.find('=');
      if (equals == std::string_view::npos || ++members > kMaxMembers ||
          !is_tracestate_key(member.substr(0, equals)) ||
          !is_tracestate_value(member.substr(equals + 1))) {
        return false;
      }
    }
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

std::optional<TraceParent> traceparent_of(const Headers& headers) noexcept {
  std::optional<std::string_view> found;
  for (const FieldLine& line : HeaderLines(headers)) {
    if (line.id != FieldId::unknown) continue;
    const Field field = line.field();
    if (!ascii::equals_ignoring_case(field.name, field::traceparent.text())) continue;
    if (found) return std::nullopt;
    found = field.value;
  }
  return found ? parse_traceparent(*found) : std::nullopt;
}

std::string_view trace_id_of(const Headers& headers) noexcept {
  const auto parts = traceparent_of(headers);
  return parts ? parts->trace_id : std::string_view();
}

}  // namespace onehop
