// SPDX-License-Identifier: Apache-2.0
//
// Finds the limits that have refused or delayed something in the last hour.
// Thread: any.
#pragma once

#include <onehop/metrics.hpp>

#include "observe/overview.hpp"
#include "observe/request_metrics.hpp"
#include "observe/two_clocks.hpp"

#include <vector>

namespace onehop::observe {

// Returns the limits, the one that was hit last first.
std::vector<Overview::LimitHit> limit_hits(const RequestTotals& totals,
                                           const ServerMetrics& server,
                                           const TwoClocks& now);

}  // namespace onehop::observe
