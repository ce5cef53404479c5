// SPDX-License-Identifier: Apache-2.0
//
// The metrics of the endpoints of Upstreams: which of them get requests, and how these end.
// Thread: any.
#pragma once

#include <onehop/upstream.hpp>

#include "observe/metric_families.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

// The name that metrics give the upstream at the top of the configuration.
inline constexpr std::string_view kTopUpstream = "default";

// By the name of the upstream; "" is that at the top of the configuration.
using Endpoints = std::map<std::string, std::vector<Upstream::Status>>;

// DNS may name many endpoints: those beyond 256 of an upstream are one series, "other".
void add_endpoint_families(MetricFamilies& families, const Endpoints& endpoints);

}  // namespace onehop::observe
