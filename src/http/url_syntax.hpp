// SPDX-License-Identifier: Apache-2.0
//
// Parses the parts of a URL from a configuration. Its errors say what to write instead. Url::parse
// uses these functions; url.cpp checks targets from the wire itself.
// Results that are views refer to the text passed in.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace onehop {

std::unexpected<Error> bad_url(std::string detail);

// Returns the size of the known scheme that `text` begins with.
Result<std::size_t> find_scheme(std::string_view text);

// Returns 80, 443, or 0 for a scheme without ports.
std::uint16_t default_port(std::string_view scheme) noexcept;

// Returns the socket path in `text`, which follows "unix:": a path, or '@' and an abstract name, of
// at most `limit` bytes.
Result<std::string_view> find_socket_path(std::string_view text, std::size_t limit);

// Checks the text before the '@' of an authority (RFC 3986 §3.2.1): with a second '@' the beginning
// of the host would be ambiguous.
Result<void> check_user_info(std::string_view text);

// Returns the authority with a host that is not ASCII converted to its IDNA form.
Result<std::string> authority_to_ascii(std::string_view text);

// Explains why split_authority() refused `text`.
std::string why_no_authority(std::string_view text);

// Checks a path and query: only ASCII, no blanks, and well-formed escapes in the path.
Result<void> check_configured_target(std::string_view target);

}  // namespace onehop
