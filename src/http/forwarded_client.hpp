// SPDX-License-Identifier: Apache-2.0
//
// Who a request comes from when its peer is a trusted proxy: what X-Forwarded-For says of it.
// Thread: any; nothing here allocates.
#pragma once

#include <onehop/headers.hpp>

#include "http/ip_network.hpp"
#include "http/trusted_peers.hpp"

#include <optional>

namespace onehop {

// The rightmost address in all lines of X-Forwarded-For that is not trusted: what stands left of it
// was written by somebody who is not trusted, too. If all are trusted, the leftmost; an entry that
// is not an address ends the search as an untrusted one would, with the address right of it.
// std::nullopt if there is none: then the client is the peer.
std::optional<IpAddress> forwarded_client(const Headers& headers,
                                          const TrustedPeers& trusted) noexcept;

}  // namespace onehop
