// SPDX-License-Identifier: Apache-2.0
//
// base64url without padding (RFC 4648 §5), the encoding of binary values in ACME.
// Thread: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace onehop::acme {

std::string to_base64url(std::string_view bytes);
// Accepts only the form that to_base64url() writes. Returns std::nullopt for any other text.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace onehop::acme
