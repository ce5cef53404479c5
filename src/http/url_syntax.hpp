// SPDX-License-Identifier: Apache-2.0
//
// The parts of a URL that a person wrote in a configuration, with errors that say what to write
// instead. Used by Url::parse; targets from the wire are judged in url.cpp.
// The results view the text passed in.
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

// 80, 443, or 0 for a scheme without ports.
std::uint16_t default_port(std::string_view scheme) noexcept;

// Returns the text after "unix:", at most `limit` bytes: a path, or '@' and an abstract name.
Result<std::string_view> find_socket_path(std::string_view text, std::size_t limit);

// Checks the text before the '@' of an authority (RFC 3986 §3.2.1): with a second '@' the beginning
// of the host would be ambiguous.
Result<void> check_user_info(std::string_view text);

// The same authority with a host outside ASCII in its IDNA form.
Result<std::string> authority_to_ascii(std::string_view text);

// For an authority that split_authority refused.
std::string why_no_authority(std::string_view text);

// Path and query: ASCII, no blanks, escapes in the path well formed.
Result<void> check_configured_target(std::string_view target);

}  // namespace onehop
