// SPDX-License-Identifier: Apache-2.0
//
// The authority of a request: the Host field and the host part of a URL (RFC 3986 §3.2.2, RFC 9110
// §7.2). What two parsers could read as different hosts is refused.
// Thread: any; Authority is a view into the text it was split from.
#pragma once

#include <onehop/error.hpp>
#include <onehop/headers.hpp>
#include <onehop/version.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace onehop {

// Longer than any DNS name.
inline constexpr std::size_t kMaxHostSize = 255;

struct Authority {
  std::string_view host;  // without brackets and zone
  std::string_view port;  // digits, or "" when there is none
  std::string_view zone;  // of an IPv6 address, without its '%'
  bool bracketed = false;
  bool has_colon = false;  // "host:" has one and no port
};

// host [ ":" port ], where host is a name, an IPv4 address or a bracketed IPv6 address. Not: user
// info, lists, blanks, slashes, a port past 65535, nothing at all.
std::optional<Authority> split_authority(std::string_view text) noexcept;

bool is_ipv6_address(std::string_view text) noexcept;

// Whether `text` may be the value of a Host field: an authority, nothing, or a bare IPv6 address.
bool is_valid_host(std::string_view text) noexcept;

// RFC 9112 §3.2: one Host field in HTTP/1.1, at most one in HTTP/1.0, and a valid one.
Result<void> check_host(Version version, const Headers& headers);

}  // namespace onehop
