// SPDX-License-Identifier: Apache-2.0
#include "net/search_list.hpp"

#include <algorithm>

namespace onehop::net {

std::vector<std::string> SearchList::names_for(const std::string& host) const {
  if (host.ends_with('.')) return {host};
  const std::string whole = host + '.';
  std::vector<std::string> names;
  const auto dots_in_host = static_cast<std::size_t>(std::ranges::count(host, '.'));
  if (dots_in_host >= dots) names.push_back(whole);
  for (const std::string& domain : domains) {
    // A domain of "." stands for the name itself.
    names.push_back(domain == "." ? whole : whole + domain + (domain.ends_with('.') ? "" : "."));
  }
  if (dots_in_host < dots) names.push_back(whole);
  return names;
}

}  // namespace onehop::net
