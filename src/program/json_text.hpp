// SPDX-License-Identifier: Apache-2.0
//
// Text from the wire as a JSON string (RFC 8259 §7): always valid, whatever the bytes are.
// Written by hand because the access log pays for it with every request. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace onehop::program {

// With the quotes. A byte that is no UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// null for the empty text.
void append_json_string_or_null(std::string& out, std::string_view text);

}  // namespace onehop::program
