// SPDX-License-Identifier: Apache-2.0
//
// SearchList holds the search domains of resolv.conf, and derives the names to query for a host.
// Thread: any.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace onehop::net {

struct SearchList {
  std::vector<std::string> domains;
  // A host with at least this many dots is first tried as it is (ndots).
  std::size_t dots = 1;

  // Returns the names to query in order. Each ends with a dot, which marks it as complete.
  std::vector<std::string> names_for(const std::string& host) const;
};

}  // namespace onehop::net
