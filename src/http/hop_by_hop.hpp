// SPDX-License-Identifier: Apache-2.0
//
// remove_hop_by_hop() removes the fields that concern one connection and end there (RFC 9110
// §7.6.1). Call it on every head that is forwarded: requests, responses, 1xx and 101.
// Thread: owner.
#pragma once

#include <onehop/headers.hpp>

#include <cstdint>

namespace onehop {

// Whether to keep the Trailer field, so that the codec of the next hop announces the trailers.
enum class TrailerField : std::uint8_t { remove, keep };

// Removes the hop-by-hop fields and the fields named in Connection, except end-to-end ones: naming
// Cookie or Content-Length must not remove it for the next hop. Allocates only if Connection names
// other fields.
void remove_hop_by_hop(Headers& headers, TrailerField trailer = TrailerField::remove);

}  // namespace onehop
