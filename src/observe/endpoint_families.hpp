// SPDX-License-Identifier: Apache-2.0
//
// The metrics of the endpoints of Upstreams: which of them get requests, and how these end.
// Thread: any.
#pragma once

#include "observe/metric_families.hpp"
#include "observe/upstream_endpoints.hpp"

namespace onehop::observe {

// DNS may name many endpoints: those beyond 256 of an upstream are one series, "other".
void add_endpoint_families(MetricFamilies& families, const Endpoints& endpoints);

}  // namespace onehop::observe
