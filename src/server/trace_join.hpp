// SPDX-License-Identifier: Apache-2.0
//
// join_trace(): makes an exchange part of a trace, and its request say so. Thread: owner.
#pragma once

#include <onehop/headers.hpp>
#include <onehop/trace.hpp>

#include "base/arena.hpp"

namespace onehop::server {

// Continues the trace that the fields name if the peer is trusted and they are well-formed, and
// else begins one, which is sampled with the probability `sample`. Sets traceparent; a tracestate
// stays only if the trace is continued and it is well-formed. The result lives as long as `arena`.
Trace* join_trace(Headers& headers, bool peer_is_trusted, double sample, Arena& arena);

}  // namespace onehop::server
