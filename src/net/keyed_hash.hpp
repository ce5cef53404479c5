// SPDX-License-Identifier: Apache-2.0
//
// keyed_hash() derives a short name from a text. Without the key, the name reveals nothing about
// the text.
// Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace onehop::net {

// Returns the first 64 bits of the text's HMAC-SHA256. Throws std::runtime_error if OpenSSL cannot
// compute it.
std::uint64_t keyed_hash(std::string_view key, std::string_view text);

}  // namespace onehop::net
