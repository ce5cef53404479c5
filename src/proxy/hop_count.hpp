// SPDX-License-Identifier: Apache-2.0
//
// count_hop() stops requests that pass through this proxy again and again, because a backend URL
// leads back to it, directly or through other proxies. Every pass but the first finds
// X-Forwarded-Proto, which the previous pass has set, or X-Forwarded-For, which is missing if that
// pass came through a unix socket. Such requests carry a hop count, as members "onehop" of CDN-Loop
// (RFC 8586). A request that came through no proxy costs two look-ups. Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/headers.hpp>

namespace onehop {

// The maximum number of passes of a chain of proxies; one more is a loop.
inline constexpr int kMaxHops = 10;

// Counts this pass in `headers`, which are as received. Errc::loop_detected beyond kMaxHops.
Result<void> count_hop(Headers& headers);

}  // namespace onehop
