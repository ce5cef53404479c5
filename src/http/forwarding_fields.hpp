// SPDX-License-Identifier: Apache-2.0
//
// Forwarding fields: what a proxy tells the next server about the client and about what it asked
// for. A client can write them as well, so they count only when the peer is trusted. The table is
// in forwarding_fields.cpp. Thread: any; nothing here allocates.
#pragma once

#include "http/field_names.hpp"

#include <cstdint>
#include <string_view>

namespace onehop {

enum class ForwardingField : std::uint8_t {
  none,
  // X-Forwarded-For, -Host and -Proto, and X-Client-Certificate-Subject: this proxy sets them.
  own,
  // Set by other proxies: X-Real-IP, X-Forwarded-Port, Forwarded and so on.
  foreign,
  // Proxy: no proxy sets it. CGI makes HTTP_PROXY of it, by which programs choose a proxy
  // ("httpoxy").
  harmful,
  // The name of one of these with other bytes in place of the hyphens: X_Real_IP. CGI and WSGI
  // cannot tell them apart, and proxies that know the real field pass this one on.
  lookalike,
};

// What a field with that name is; `id` is find_field(name).
ForwardingField forwarding_field(FieldId id, std::string_view name) noexcept;

// True if CGI makes the same variable of both names: case does not count, and a byte that is
// neither a letter nor a digit is like any other such byte.
bool is_same_to_cgi(std::string_view a, std::string_view b) noexcept;

// True if `name` is `real` to CGI, but has another byte in place of a hyphen: "X_Real-IP".
bool is_lookalike(std::string_view name, std::string_view real) noexcept;

}  // namespace onehop
