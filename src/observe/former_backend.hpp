// SPDX-License-Identifier: Apache-2.0
//
// FormerBackend: the failures of the backends of an upstream before those in use. A request without
// a connection has no address, so it counts for the backends in use, unless it ended before that.
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
  Time until{};                             // when they last changed; Time{}: they have not
  RequestTotals::Address unconnected = {};  // of requests that had got no connection until then
};

// By the label of the upstream; those whose backends have not changed may be missing.
using FormerBackends = std::map<std::string, FormerBackend, std::less<>>;

// To be called when the backends of this upstream have changed.
FormerBackend former_backend(const RequestTotals& totals, std::string_view upstream, Time now);

// The numbers of requests that got no connection to the backend in use.
RequestTotals::Address unconnected_since(const FormerBackend& former,
                                         RequestTotals::Address unconnected);

}  // namespace onehop::observe
