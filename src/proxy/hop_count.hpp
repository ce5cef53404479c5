// SPDX-License-Identifier: Apache-2.0
//
// A backend URL that leads back to this proxy, at once or by way of others, sends each request
// round and round, with one more connection each time. Every pass but the first finds
// X-Forwarded-Proto, which the pass before has set, or X-Forwarded-For, which is missing where that
// pass came by way of a unix socket: such requests carry a hop count, as members "onehop" of
// CDN-Loop (RFC 8586). A request from a client that names no proxy before us costs one look for
// each of the two fields.
#pragma once

#include <onehop/error.hpp>
#include <onehop/headers.hpp>

namespace onehop {

// Up to this many passes count as a chain of proxies; one more is a loop.
inline constexpr int kMaxHops = 10;

// Counts this pass in `headers`, as they came. Errc::loop_detected past kMaxHops.
Result<void> count_hop(Headers& headers);

}  // namespace onehop
