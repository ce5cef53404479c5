// SPDX-License-Identifier: Apache-2.0
#include "observe/former_backend.hpp"

#include <algorithm>
#include <utility>

namespace onehop::observe {

FormerBackend former_backend(const RequestTotals& totals, std::string_view upstream, Time now) {
  FormerBackend former{.until = now};
  for (const RequestTotals::Upstream& its : totals.upstreams) {
    if (its.name != upstream) continue;
    for (const RequestTotals::Address& one : its.addresses) {
      if (one.address.empty()) former.unconnected.add(one);
    }
  }
  return former;
}

// Requests without a connection have no connect or wait times.
RequestTotals::Address unconnected_since(const FormerBackend& former,
                                         RequestTotals::Address unconnected) {
  if (former.until == Time{}) return unconnected;
  for (std::size_t i = 0; i < kCodeClasses; ++i)
    unconnected.requests[i] -= std::min(unconnected.requests[i], former.unconnected.requests[i]);
  for (const RequestTotals::Reason& before : former.unconnected.failures) {
    const auto now =
        std::ranges::find(unconnected.failures, before.reason, &RequestTotals::Reason::reason);
    if (now != unconnected.failures.end()) now->count -= std::min(now->count, before.count);
  }
  std::erase_if(unconnected.failures,
                [](const RequestTotals::Reason& one) { return one.count == 0; });
  return unconnected;
}

}  // namespace onehop::observe
