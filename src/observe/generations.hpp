// SPDX-License-Identifier: Apache-2.0
//
// Generations describes the upgrades before this process, and the replaced processes that are still
// finishing their requests.
// Thread: any.
#pragma once

#include "observe/metric_families.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace onehop::observe {

struct EarlierProcess {
  std::uint64_t requests = 0, connections = 0;  // in progress, and open
};

struct Generations {
  std::uint64_t own = 1;                     // 2 after the first upgrade
  std::vector<EarlierProcess> earlier = {};  // still draining, oldest first
  MetricCounts counts = {};                  // of all earlier processes
};

void add_generation_families(MetricFamilies& families, const Generations& generations);

// Returns "1 request in progress, 3 connections open".
std::string text_of(const EarlierProcess& process);

}  // namespace onehop::observe
