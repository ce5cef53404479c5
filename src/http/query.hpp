// SPDX-License-Identifier: Apache-2.0
//
// Decodes query parameters (WHATWG "urlencoded", as servers read them) and the escapes of RFC 3986
// §2.1, for Parameters and for Url::clean_query, which leaves a query unchanged if all parsers read
// it alike.
// Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace onehop {

// Reports whether every '%' begins an escape of two hexadecimal digits.
bool has_valid_escapes(std::string_view text) noexcept;

// Returns `text` with its escapes replaced by their bytes. Malformed escapes stay unchanged.
std::string percent_decoded(std::string_view text);

// Reports whether two parsers could disagree about this query: it has a ';', a malformed escape, or
// more parameters than some parsers read.
bool needs_cleaning(std::string_view query) noexcept;

// Decode and encode a name or a value of application/x-www-form-urlencoded: '+' is a blank.
std::string form_decoded(std::string_view text);
void append_form_escaped(std::string& out, std::string_view text);

// Returns the query without the parameters that parsers could read differently. The others are
// sorted by key.
std::string cleaned_query(std::string_view query);

}  // namespace onehop
