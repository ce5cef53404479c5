// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_history.hpp"

#include "observe/overview_json.hpp"

#include <nlohmann/json.hpp>

namespace onehop::observe {

void OverviewHistory::add(const Overview& overview) {
  bounds_ = overview.duration.bounds;
  samples_.push_back({.time = overview.monotonic,
                      .totals = overview.totals,
                      .durations = overview.duration.counts});
  while (samples_.size() > kMaxSamples || samples_.front().time + kLength < overview.monotonic)
    samples_.pop_front();
}

std::string OverviewHistory::json() const {
  auto samples = nlohmann::json::array();
  for (const auto& [time, totals, durations] : samples_) {
    samples.push_back({json_seconds(time), totals.requests, totals.failures_client,
                       totals.failures_upstream, totals.failures_proxy,
                       totals.request_body_bytes + totals.tunnel_bytes_in,
                       totals.response_body_bytes + totals.tunnel_bytes_out, durations});
  }
  return nlohmann::json{{"bounds", bounds_}, {"samples", std::move(samples)}}.dump();
}

}  // namespace onehop::observe
