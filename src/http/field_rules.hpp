// SPDX-License-Identifier: Apache-2.0
//
// Which fields must not appear in trailers, and which must not be removed. Both rules also cover
// families of names by prefix (Content-*, X-Forwarded-*). The functions do not allocate.
// Thread: any.
#pragma once

#include "http/field_names.hpp"

#include <string_view>

namespace onehop {

// Reports whether recipients act on the field before they read trailers, or instead of the head.
bool is_forbidden_in_trailers(FieldId id, std::string_view name) noexcept;
// Reports whether the field is end-to-end, so that Connection must not name it (RFC 9110 §7.6.1).
bool is_protected_from_connection(FieldId id, std::string_view name) noexcept;

}  // namespace onehop
