// SPDX-License-Identifier: Apache-2.0
//
// traceparent (W3C Trace Context, level 1, section 3.2): passed on as it came, and read for the
// log. Pure functions; any thread.
#pragma once

#include <onehop/headers.hpp>

#include "http/field_names.hpp"

#include <string_view>

namespace onehop {

namespace field {
// Not in the table of known names: it is only looked up for the log.
inline constexpr FieldName traceparent{FieldId::unknown, "traceparent"};
}  // namespace field

// The trace id in "00-TRACE_ID-PARENT_ID-FLAGS": 32 hexadecimal digits in lower case. "" if the
// value is not valid.
std::string_view trace_id_in(std::string_view traceparent) noexcept;

// That of a request; "" without a traceparent, and if there are several.
std::string_view trace_id_of(const Headers& headers) noexcept;

}  // namespace onehop
