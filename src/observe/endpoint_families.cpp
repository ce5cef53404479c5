// SPDX-License-Identifier: Apache-2.0
#include "observe/endpoint_families.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::observe {
namespace {

constexpr std::size_t kMaxEndpoints = 256;
constexpr std::string_view kOtherEndpoint = "other";

// The values of one series.
struct Numbers {
  std::uint64_t usable = 0, requests = 0, total = 0, failures = 0, ejections = 0;
  std::uint64_t checks_good = 0, checks_failed = 0, checks_draining = 0;

  void add(const Upstream::Status& status) noexcept {
    usable += is_usable(status.state) ? 1 : 0;
    requests += status.requests;
    total += status.requests_total;
    failures += status.failures_total;
    ejections += status.ejections_total;
    checks_good += status.checks_good_total;
    checks_failed += status.checks_failed_total;
    checks_draining += status.checks_draining_total;
  }
};

}  // namespace

void add_endpoint_families(MetricFamilies& families, const Endpoints& endpoints) {
  auto usable = families.gauge("onehop_endpoint_up",
                               "1 if the endpoint gets requests, 0 if it is passed over.");
  auto requests =
      families.gauge("onehop_endpoint_requests_in_flight", "Requests in progress at the endpoint.");
  auto total = families.counter("onehop_endpoint_requests_total",
                                "Requests sent to the endpoint; each attempt counts.");
  auto failures = families.counter("onehop_endpoint_failures_total",
                                   "Requests that failed through the fault of the endpoint.");
  auto ejections = families.counter("onehop_endpoint_ejections_total",
                                    "How often the endpoint was passed over because of failures.");
  auto checks = families.counter(
      "onehop_endpoint_checks_total",
      "Checks of --health-check. draining: the endpoint responded that it takes no more requests.");
  for (const auto& [upstream, its] : endpoints) {
    const std::string_view name = upstream_name(upstream);
    const auto& statuses = its.statuses;
    const auto add = [&](std::string_view endpoint, const Numbers& numbers) {
      usable.add(numbers.usable, {{"upstream", name}, {"endpoint", endpoint}});
      requests.add(numbers.requests, {{"upstream", name}, {"endpoint", endpoint}});
      total.add(numbers.total, {{"upstream", name}, {"endpoint", endpoint}});
      failures.add(numbers.failures, {{"upstream", name}, {"endpoint", endpoint}});
      ejections.add(numbers.ejections, {{"upstream", name}, {"endpoint", endpoint}});
      for (const auto& [result, count] :
           {std::pair("ok", numbers.checks_good), std::pair("failed", numbers.checks_failed),
            std::pair("draining", numbers.checks_draining)})
        checks.add(count, {{"upstream", name}, {"endpoint", endpoint}, {"result", result}});
    };
    Numbers others;
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      if (i >= kMaxEndpoints) {
        others.add(statuses[i]);
        continue;
      }
      Numbers numbers;
      numbers.add(statuses[i]);
      add(endpoint_name(statuses[i].endpoint), numbers);
    }
    if (statuses.size() > kMaxEndpoints) add(kOtherEndpoint, others);
  }
}

}  // namespace onehop::observe
