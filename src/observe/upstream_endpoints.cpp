// SPDX-License-Identifier: Apache-2.0
#include "observe/upstream_endpoints.hpp"

#include <algorithm>

namespace onehop::observe {

std::string_view upstream_name(std::string_view upstream) noexcept {
  return upstream.empty() ? kTopUpstream : upstream;
}

std::span<const Upstream::Status> statuses_of(const Endpoints& endpoints,
                                              std::string_view name) noexcept {
  const auto found = std::ranges::find_if(
      endpoints, [name](const auto& each) { return upstream_name(each.first) == name; });
  if (found == endpoints.end()) return {};
  return found->second.statuses;
}

std::string endpoint_name(const Upstream::Endpoint& endpoint) {
  std::string name = endpoint.url.to_string();
  if (!endpoint.connect_address.empty()) (name += '@') += endpoint.connect_address;
  return name;
}

bool is_usable(Upstream::State state) noexcept {
  return state == Upstream::State::up || state == Upstream::State::starting;
}

}  // namespace onehop::observe
