// SPDX-License-Identifier: Apache-2.0
//
// count_hop() stops loops: requests that pass through this proxy again and again because a backend
// URL leads back to it, directly or through other proxies. It counts passes as members "onehop" of
// CDN-Loop (RFC 8586). It counts only requests with X-Forwarded-Proto or X-Forwarded-For, because
// each pass sets X-Forwarded-Proto and, unless the request came through a unix socket,
// X-Forwarded-For. A request that did not come through a proxy costs two look-ups.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/headers.hpp>

namespace onehop {

// The maximum number of counted passes of a request; one more is a loop.
inline constexpr int kMaxHops = 10;

// Counts this pass in `headers`, the fields as received. Beyond kMaxHops: Errc::loop_detected.
Result<void> count_hop(Headers& headers);

}  // namespace onehop
