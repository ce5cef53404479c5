// SPDX-License-Identifier: Apache-2.0
//
// Parses authorities: the Host field and the host part of a URL (RFC 3986 §3.2.2, RFC 9110 §7.2).
// A text that two parsers could read as different hosts is refused. Authority views the text from
// which it was split.
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/headers.hpp>
#include <onehop/version.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace onehop {

// The maximum size of a DNS name, in bytes.
inline constexpr std::size_t kMaxHostSize = 255;

// Reports whether the text is a number from 0 to 65535.
bool is_port(std::string_view text) noexcept;

struct Authority {
  std::string_view host;  // without brackets and zone
  std::string_view port;  // digits, or "" if there is none
  std::string_view zone;  // of an IPv6 address, without its '%'
  bool bracketed = false;
  bool has_colon = false;  // true also for "host:", which has no port
};

// Splits host [ ":" port ], where host is a name, an IPv4 address or a bracketed IPv6 address.
// Returns std::nullopt for anything else: user info, lists, blanks, slashes, a port above 65535,
// the empty text.
std::optional<Authority> split_authority(std::string_view text) noexcept;

bool is_ipv6_address(std::string_view text) noexcept;

// Reports whether `text` is valid as a Host field: an authority, "", or a bare IPv6 address.
bool is_valid_host(std::string_view text) noexcept;

// Checks that there is exactly one valid Host field in HTTP/1.1, and at most one in other versions
// (RFC 9112 §3.2). Errors: bad_request.
Result<void> check_host(Version version, const Headers& headers);

}  // namespace onehop
