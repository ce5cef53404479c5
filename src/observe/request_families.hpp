// SPDX-License-Identifier: Apache-2.0
//
// The metrics of requests, failures and upstreams.
// Thread: any.
#pragma once

#include "observe/metric_families.hpp"
#include "observe/request_totals.hpp"

namespace onehop::observe {

void add_request_families(MetricFamilies& families,
                          const RequestTotals& totals,
                          const Buckets& buckets);

}  // namespace onehop::observe
