// SPDX-License-Identifier: Apache-2.0
#include "observe/upstream_endpoints.hpp"

namespace onehop::observe {

std::string_view upstream_name(std::string_view upstream) noexcept {
  return upstream.empty() ? kTopUpstream : upstream;
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
