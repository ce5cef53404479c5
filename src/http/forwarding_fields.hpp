// SPDX-License-Identifier: Apache-2.0
//
// Forwarding fields are a proxy's statements to the next server about the client and its request. A
// client can write them too, so they count only if the peer is trusted. The table is in
// forwarding_fields.cpp. The functions do not allocate.
// Thread: any.
#pragma once

#include "http/field_names.hpp"

#include <cstdint>
#include <string_view>

namespace onehop {

enum class ForwardingField : std::uint8_t {
  none,
  // Set by this proxy: X-Forwarded-For, -Host and -Proto, and X-Client-Certificate-Subject.
  own,
  // Set by other proxies: X-Real-IP, X-Forwarded-Port, Forwarded and so on.
  foreign,
  // The field "Proxy", which no proxy sets. CGI turns it into HTTP_PROXY, which programs use to
  // choose a proxy ("httpoxy").
  harmful,
  // One of these names with other bytes in place of hyphens, such as X_Real_IP. CGI and WSGI cannot
  // distinguish it from the real name, and proxies that know only the real name pass it on.
  lookalike,
};

// Classifies the field `name`; `id` is find_field(name).
ForwardingField forwarding_field(FieldId id, std::string_view name) noexcept;

// Reports whether CGI makes the same variable of both names: it ignores case and treats all bytes
// other than letters and digits alike.
bool is_same_to_cgi(std::string_view a, std::string_view b) noexcept;

// Reports whether `name` equals `real` for CGI but has another byte in place of a hyphen, such as
// "X_Real-IP".
bool is_lookalike(std::string_view name, std::string_view real) noexcept;

}  // namespace onehop
