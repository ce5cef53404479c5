// SPDX-License-Identifier: Apache-2.0
//
// forwarded_client() finds the client of a request that a trusted proxy forwarded, from its
// X-Forwarded-For. It does not allocate.
// Thread: any.
#pragma once

#include <onehop/headers.hpp>

#include "http/ip_network.hpp"
#include "http/trusted_peers.hpp"

#include <optional>

namespace onehop {

// Returns the rightmost untrusted address in all lines of X-Forwarded-For: entries to its left were
// written by an untrusted sender. If all are trusted, returns the leftmost. An entry that is not an
// address ends the search, and the address to its right is returned. Returns std::nullopt if there
// is no address; the client is then the peer.
std::optional<IpAddress> forwarded_client(const Headers& headers,
                                          const TrustedPeers& trusted) noexcept;

}  // namespace onehop
