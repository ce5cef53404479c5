// SPDX-License-Identifier: Apache-2.0
//
// The metrics of the endpoints of Upstreams: which endpoints get requests, and how the requests
// end.
// Thread: any.
#pragma once

#include "observe/metric_families.hpp"
#include "observe/upstream_endpoints.hpp"

namespace onehop::observe {

// Adds the metrics. DNS may name many endpoints, so those of an upstream beyond the first 256 share
// one series, "other".
void add_endpoint_families(MetricFamilies& families, const Endpoints& endpoints);

}  // namespace onehop::observe
