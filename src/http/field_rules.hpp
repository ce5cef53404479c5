// SPDX-License-Identifier: Apache-2.0
//
// Decides which fields must not appear in trailers, and which fields Connection must not remove.
// Both rules also cover families of names by prefix (Content-*, X-Forwarded-*). The functions do
// not allocate.
// Thread: any.
#pragma once

#include "http/field_names.hpp"

#include <string_view>

namespace onehop {

// Reports whether the field is forbidden in trailers: recipients act on it before they read
// trailers, or may use the trailer instead of the field in the head.
bool is_forbidden_in_trailers(FieldId id, std::string_view name) noexcept;
// Reports whether the field is end-to-end, so that Connection must not name it (RFC 9110 §7.6.1)
// and does not remove it.
bool is_protected_from_connection(FieldId id, std::string_view name) noexcept;

}  // namespace onehop
