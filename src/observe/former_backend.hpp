// SPDX-License-Identifier: Apache-2.0
//
// FormerBackend: the failures of the backends before the one in use. A request without a connection
// has no address, so it counts for the backend in use, unless it ended before that.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include "observe/request_totals.hpp"

namespace onehop::observe {

struct FormerBackend {
  Time until{};                             // when the backend last changed; Time{}: it has not
  RequestTotals::Address unconnected = {};  // of requests that had got no connection until then
};

// To be called when the backend has changed.
FormerBackend former_backend(const RequestTotals& totals, Time now);

// The numbers of requests that got no connection to the backend in use.
RequestTotals::Address unconnected_since(const FormerBackend& former,
                                         RequestTotals::Address unconnected);

}  // namespace onehop::observe
