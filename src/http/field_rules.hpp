// SPDX-License-Identifier: Apache-2.0
//
// Where a field may not stand, or may not be removed. Both rules also know families of names by
// their prefix (Content-*, X-Forwarded-*). Any thread; nothing here allocates.
#pragma once

#include "http/field_names.hpp"

#include <string_view>

namespace onehop {

// Recipients act upon the field before they look at trailers, or instead of the head.
bool is_forbidden_in_trailers(FieldId id, std::string_view name) noexcept;
// The Connection field may not name it (RFC 9110 §7.6.1): it is meant for the end.
bool is_protected_from_connection(FieldId id, std::string_view name) noexcept;

}  // namespace onehop
