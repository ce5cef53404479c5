// SPDX-License-Identifier: Apache-2.0
//
// Internationalised host names: UTF-8 in, the ASCII form of DNS out (IDNA2008, RFC 5891).
// Used for configured URLs only; names on the wire are ASCII already.
// Thread: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace onehop {

// "bücher.example" gives "xn--bcher-kva.example". Nothing when it is no host name.
std::optional<std::string> idna_to_ascii(std::string_view host);

}  // namespace onehop
