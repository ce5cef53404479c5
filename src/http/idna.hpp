// SPDX-License-Identifier: Apache-2.0
//
// idna_to_ascii() converts internationalised host names from UTF-8 to the ASCII form of DNS
// (IDNA2008, RFC 5891). It is for configured names only; names on the wire are ASCII.
// Thread: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace onehop {

// Converts "bücher.example" to "xn--bcher-kva.example". Returns std::nullopt if `host` is not a
// host name.
std::optional<std::string> idna_to_ascii(std::string_view host);

}  // namespace onehop
