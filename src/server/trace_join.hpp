// SPDX-License-Identifier: Apache-2.0
//
// join_trace() makes an exchange part of a trace and writes that into the fields of its request.
// Thread: owner.
#pragma once

#include <onehop/headers.hpp>
#include <onehop/trace.hpp>

#include "base/arena.hpp"

namespace onehop::server {

// Continues the trace that the fields name if the peer is trusted and they are well-formed.
// Otherwise begins a trace, which is sampled with the probability `sample`. Sets traceparent. A
// tracestate stays only if it is well-formed and the trace continues. The result is in `arena`.
Trace* join_trace(Headers& headers, bool peer_is_trusted, double sample, Arena& arena);

}  // namespace onehop::server
