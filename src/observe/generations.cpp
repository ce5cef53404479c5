// SPDX-License-Identifier: Apache-2.0
#include "observe/generations.hpp"

namespace onehop::observe {

void add_generation_families(MetricFamilies& families, const Generations& generations) {
  std::uint64_t requests = 0;
  for (const EarlierProcess& one : generations.earlier)
    requests += one.requests;
  families.gauge("onehop_generation", "1, and one more for each upgrade.").add(generations.own);
  families.gauge("onehop_earlier_processes", "Processes before an upgrade that still drain.")
      .add(static_cast<std::uint64_t>(generations.earlier.size()));
  families.gauge("onehop_earlier_requests_in_flight", "Requests in progress in these processes.")
      .add(requests);
}

std::string text_of(const EarlierProcess& process) {
  return std::to_string(process.requests) + (process.requests == 1 ? " request" : " requests") +
         " in progress, " + std::to_string(process.connections) +
         (process.connections == 1 ? " connection" : " connections") + " open";
}

}  // namespace onehop::observe
