// SPDX-License-Identifier: Apache-2.0
//
// The endpoints of Upstreams that the metrics, the dashboard and /status show, and their names
// there.
// Thread: any.
#pragma once

#include <onehop/upstream.hpp>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

struct UpstreamEndpoints {
  std::string balance;      // the value of the setting: "least"
  std::string sticky = {};  // "cookie"; "" if off
  std::vector<Upstream::Status> statuses = {};
};

// By the name of the upstream; "" for the upstream at the top of the configuration.
using Endpoints = std::map<std::string, UpstreamEndpoints>;

// The name of the upstream at the top.
inline constexpr std::string_view kTopUpstream = "default";
// Returns the name in metrics and pages: the name itself, or kTopUpstream for "".
std::string_view upstream_name(std::string_view upstream) noexcept;
// Returns the endpoints of the upstream with the name `name`; none if its requests are not
// balanced.
std::span<const Upstream::Status> statuses_of(const Endpoints& endpoints,
                                              std::string_view name) noexcept;
// Returns "http://a:8000" or "http://a:8000@10.0.0.1".
std::string endpoint_name(const Upstream::Endpoint& endpoint);
// Reports whether an endpoint in this state gets requests.
bool is_usable(Upstream::State state) noexcept;

}  // namespace onehop::observe
