// SPDX-License-Identifier: Apache-2.0
//
// Converts text from the wire to a JSON string (RFC 8259 §7) that is valid for any bytes. Written
// by hand because the access log needs it for every request.
// Thread: any.
#pragma once

#include <string>
#include <string_view>

namespace onehop {

// Includes the quotes. A byte that is not UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// Appends null if the text is empty.
void append_json_string_or_null(std::string& out, std::string_view text);

}  // namespace onehop
