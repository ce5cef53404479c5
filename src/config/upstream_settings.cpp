// SPDX-License-Identifier: Apache-2.0
#include "config/upstream_settings.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <cstddef>

namespace onehop::config {

bool have_service(const std::vector<BackendAddress>& backends) {
  return std::ranges::any_of(backends, [](const auto& one) { return !one.service.empty(); });
}

std::string why_not_together(const std::vector<BackendAddress>& backends) {
  for (std::size_t i = 1; i < backends.size(); ++i) {
    const Url& first = backends.front().url;
    const Url& one = backends[i].url;
    if (one.scheme() != first.scheme()) {
      return "all backends need the same scheme; these have " + std::string(first.scheme()) +
             ":// and " + std::string(one.scheme()) + "://";
    }
    if (one.target() != first.target()) {
      return "all backends need the same path; these have " + std::string(first.target()) +
             " and " + std::string(one.target());
    }
    for (std::size_t j = 0; j < i; ++j) {
      const std::string other = backends[j].url.to_string();
      const bool is_same = one.scheme() == "unix"
                               ? other == one.to_string()
                               : ascii::equals_ignoring_case(other, one.to_string());
      if (!is_same) continue;
      if (!backends[i].service.empty()) return "srv://" + backends[i].service + " is listed twice";
      return "the backend " + one.to_string() + " is listed twice: weight=2 doubles its share";
    }
  }
  const bool has_share = std::ranges::any_of(
      backends, [](const BackendAddress& one) { return one.weight > 0 && !one.is_backup; });
  return backends.empty() || has_share ? "" : "each backend is a backup or has the weight 0";
}

}  // namespace onehop::config
