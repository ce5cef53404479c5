// SPDX-License-Identifier: Apache-2.0
//
// The endpoints of Upstreams, as the program reports them to the metrics, the dashboard and
// /status, and their names there.
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
  std::string balance;      // how one is chosen, as the setting names it: "least"
  std::string sticky = {};  // "cookie"; "": off
  std::vector<Upstream::Status> statuses = {};
};

// By the name of the upstream; "" is that at the top of the configuration.
using Endpoints = std::map<std::string, UpstreamEndpoints>;

// That of the upstream at the top.
inline constexpr std::string_view kTopUpstream = "default";
// "api"; kTopUpstream for "".
std::string_view upstream_name(std::string_view upstream) noexcept;
// Those of the upstream with that name; none if requests to it are not balanced.
std::span<const Upstream::Status> statuses_of(const Endpoints& endpoints,
                                              std::string_view name) noexcept;
// "http://a:8000", "http://a:8000@10.0.0.1".
std::string endpoint_name(const Upstream::Endpoint& endpoint);
// Whether an endpoint in this state is chosen; else it is passed over.
bool is_usable(Upstream::State state) noexcept;

}  // namespace onehop::observe
