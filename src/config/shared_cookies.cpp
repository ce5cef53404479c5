// SPDX-License-Identifier: Apache-2.0
#include "config/shared_cookies.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace onehop::config {
namespace {

bool is_part_of(std::string_view host, std::string_view pattern) {
  if (ascii::equals_ignoring_case(host, pattern)) return true;
  if (!pattern.starts_with("*.") || host.size() < pattern.size()) return false;
  const std::string_view suffix = pattern.substr(1);
  return ascii::equals_ignoring_case(host.substr(host.size() - suffix.size()), suffix);
}

// Reports whether a request for one host may match both routes. A route without hosts matches all
// hosts.
bool have_common_host(const TableSettings& one, const TableSettings& other) {
  if (one.hosts.empty() || other.hosts.empty()) return true;
  return std::ranges::any_of(one.hosts, [&other](const std::string& host) {
    return std::ranges::any_of(other.hosts, [&host](const std::string& second) {
      return is_part_of(host, second) || is_part_of(second, host);
    });
  });
}

// Returns a text that is equal for places with the same cookie; "" for a place without a cookie. A
// cookie without a configured name has one for each list of backends.
std::string cookie_of(const Configuration& configuration) {
  const std::string& rule = configuration.upstream.sticky;
  if (rule == "cookie") return rule + " of " + configuration.table.backends;
  return rule.starts_with("cookie:") ? rule : std::string();
}

// Reports whether a cookie that one has set names the same backend for the other.
bool read_cookies_alike(const Configuration& one, const Configuration& other) {
  return one.backends == other.backends && one.upstream.sticky_key == other.upstream.sticky_key;
}

}  // namespace

std::vector<SharedCookie> find_shared_cookies(std::span<const BackendPlace> places) {
  std::vector<const BackendPlace*> all;
  for (const BackendPlace& place : places) {
    const bool is_upstream = place.table != nullptr && place.table->kind == TableKind::upstream;
    const bool gets_requests = !is_upstream && place.configuration->backend.is_absolute();
    if (gets_requests && !cookie_of(*place.configuration).empty()) all.push_back(&place);
  }
  std::vector<SharedCookie> found;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const auto shares = [&](const BackendPlace* one) {
      const Configuration& first = *one->configuration;
      const Configuration& second = *all[i]->configuration;
      return cookie_of(first) == cookie_of(second) && !read_cookies_alike(first, second) &&
             have_common_host(first.table, second.table);
    };
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(i);
    const auto one = std::find_if(all.begin(), end, shares);
    if (one != end) found.push_back({*one, all[i]});
  }
  return found;
}

}  // namespace onehop::config
