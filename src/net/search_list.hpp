// SPDX-License-Identifier: Apache-2.0
//
// SearchList: the search domains of resolv.conf, and the names that they make of a host.
// Thread: any.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace onehop::net {

struct SearchList {
  std::vector<std::string> domains;
  // A host with at least this many dots is tried as it is first (ndots).
  std::size_t dots = 1;

  // Returns the names to query, in order, each with a final dot that marks it as complete.
  std::vector<std::string> names_for(const std::string& host) const;
};

}  // namespace onehop::net
