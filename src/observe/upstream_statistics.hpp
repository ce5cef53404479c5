// SPDX-License-Identifier: Apache-2.0
//
// The statistics of Transports by upstream, for the metrics and the dashboard.
// Thread: any.
#pragma once

#include <onehop/transport.hpp>

#include <functional>
#include <map>
#include <string>

namespace onehop::observe {

// By the label of the upstream: "default", "api".
using UpstreamStatistics = std::map<std::string, Transport::Statistics, std::less<>>;

inline Transport::Statistics sum_of(const UpstreamStatistics& all) {
  Transport::Statistics sum;
  for (const auto& [upstream, statistics] : all)
    sum += statistics;
  return sum;
}

}  // namespace onehop::observe
