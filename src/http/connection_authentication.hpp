// SPDX-License-Identifier: Apache-2.0
//
// NTLM and Negotiate (RFC 4559) authenticate a connection, not a request: the server attributes all
// later requests on it to the same user. These functions find messages with such credentials or
// challenges, in any field line and list member, ignoring case.
// Thread: any.
#pragma once

#include <onehop/headers.hpp>

#include "http/field_names.hpp"
#include "http/header_lines.hpp"

namespace onehop {

namespace detail {
bool names_connection_scheme(const Headers& headers, FieldName field) noexcept;
}

// Reports whether Authorization or Proxy-Authorization of a request has such credentials.
inline bool has_connection_credentials(const Headers& headers) noexcept {
  return (HeaderLines(headers).has(FieldId::authorization) &&
          detail::names_connection_scheme(headers, field::authorization)) ||
         (HeaderLines(headers).has(FieldId::proxy_authorization) &&
          detail::names_connection_scheme(headers, field::proxy_authorization));
}

// Reports whether WWW-Authenticate or Proxy-Authenticate of a response has such a challenge. The
// status does not matter.
inline bool has_connection_challenge(const Headers& headers) noexcept {
  return (HeaderLines(headers).has(FieldId::www_authenticate) &&
          detail::names_connection_scheme(headers, field::www_authenticate)) ||
         (HeaderLines(headers).has(FieldId::proxy_authenticate) &&
          detail::names_connection_scheme(headers, field::proxy_authenticate));
}

}  // namespace onehop
