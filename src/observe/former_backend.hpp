// SPDX-License-Identifier: Apache-2.0
//
// FormerBackend holds the counts of requests that got no connection before an upstream's backends
// last changed. Such a request has no address, so it would otherwise count for the backends in use.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include "observe/request_totals.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace onehop::observe {

struct FormerBackend {
  Time until{};                             // when the backends last changed; Time{} if never
  RequestTotals::Address unconnected = {};  // requests without a connection until then
};

// By the label of the upstream. Upstreams whose backends have not changed may be missing.
using FormerBackends = std::map<std::string, FormerBackend, std::less<>>;

// Returns the counts at `now`. Called when the backends of the upstream have changed.
FormerBackend former_backend(const RequestTotals& totals, std::string_view upstream, Time now);

// Returns `unconnected` without the counts from before the backends changed.
RequestTotals::Address unconnected_since(const FormerBackend& former,
                                         RequestTotals::Address unconnected);

}  // namespace onehop::observe
