// SPDX-License-Identifier: Apache-2.0
//
// Query parameters (WHATWG "urlencoded", as servers read them) and the escapes of RFC 3986 §2.1.
// For Url::clean_query; nothing here touches a query that all parsers read alike.
// Thread: any; pure functions.
#pragma once

#include <string>
#include <string_view>

namespace onehop {

// Whether every '%' begins an escape of two hexadecimal digits.
bool has_valid_escapes(std::string_view text) noexcept;

// Escapes replaced by their bytes; malformed ones stay as they are.
std::string percent_decoded(std::string_view text);

// Whether two parsers could disagree about this query: it has a ';', a malformed escape, or more
// parameters than a parser would look at.
bool needs_cleaning(std::string_view query) noexcept;

// Without the parameters that are in doubt; the others sorted by key and escaped alike.
std::string cleaned_query(std::string_view query);

}  // namespace onehop
