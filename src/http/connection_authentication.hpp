// SPDX-License-Identifier: Apache-2.0
//
// NTLM and Negotiate (RFC 4559) authenticate a connection, not a request: what comes on it next is
// taken for the same user's, whoever sent it. These functions find messages that carry such
// credentials or ask for them, in any field line and list member, whatever the case. Any thread.
#pragma once

#include <onehop/headers.hpp>

#include "http/field_names.hpp"

namespace onehop {

namespace detail {
bool names_connection_scheme(const Headers& headers, FieldName field) noexcept;
}

// In a request: Authorization, Proxy-Authorization.
inline bool has_connection_credentials(const Headers& headers) noexcept {
  return (headers.has(FieldId::authorization) &&
          detail::names_connection_scheme(headers, field::authorization)) ||
         (headers.has(FieldId::proxy_authorization) &&
          detail::names_connection_scheme(headers, field::proxy_authorization));
}

// In a response of any status: WWW-Authenticate, Proxy-Authenticate.
inline bool has_connection_challenge(const Headers& headers) noexcept {
  return (headers.has(FieldId::www_authenticate) &&
          detail::names_connection_scheme(headers, field::www_authenticate)) ||
         (headers.has(FieldId::proxy_authenticate) &&
          detail::names_connection_scheme(headers, field::proxy_authenticate));
}

}  // namespace onehop
