// SPDX-License-Identifier: Apache-2.0
//
// keyed_hash: a short name for a text that shows nothing of it to those without the key.
// Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace onehop::net {

// The first 64 bits of HMAC-SHA256. Throws std::runtime_error if OpenSSL cannot compute it.
std::uint64_t keyed_hash(std::string_view key, std::string_view text);

}  // namespace onehop::net
