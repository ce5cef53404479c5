// SPDX-License-Identifier: Apache-2.0
//
// Hop-by-hop fields concern one connection only and end there (RFC 9110 §7.6.1). Call this on every
// head that passes through: requests, responses, 1xx and 101.
// Thread: the one of the message.
#pragma once

#include <onehop/headers.hpp>

#include <cstdint>

namespace onehop {

// Whether the announcement of trailers stays for the codec of the next hop to renew.
enum class TrailerField : std::uint8_t { remove, keep };

// Removes the fields that are hop-by-hop by definition, and those that a Connection line names,
// save end-to-end ones: naming Cookie or Content-Length must not take them from the next hop.
// Allocates only when Connection names a field beyond these.
void remove_hop_by_hop(Headers& headers, TrailerField trailer = TrailerField::remove);

}  // namespace onehop
