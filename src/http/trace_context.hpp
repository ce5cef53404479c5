// SPDX-License-Identifier: Apache-2.0
//
// traceparent (W3C Trace Context, level 1, section 3.2): forwarded unchanged, and read for the log.
// Thread: any.
#pragma once

#include <onehop/headers.hpp>

#include "http/field_names.hpp"

#include <string_view>

namespace onehop {

namespace field {
// Not in the table of known names, because only the log looks it up.
inline constexpr FieldName traceparent = detail::FieldNames::make(FieldId::unknown, "traceparent");
}  // namespace field

// Returns the trace id in "00-TRACE_ID-PARENT_ID-FLAGS", 32 lower-case hexadecimal digits, or "" if
// the value is invalid.
std::string_view trace_id_in(std::string_view traceparent) noexcept;

// Returns the trace id of a request, or "" unless it has exactly one traceparent.
std::string_view trace_id_of(const Headers& headers) noexcept;

}  // namespace onehop
