// SPDX-License-Identifier: Apache-2.0
//
// The path and the query of a request target as it came, for logs: "/a" and "?b" of "/a?b" and of
// "http://h/a?b". Thread: any.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace onehop {

// Views of the target; "/" is the path of an absolute one without.
struct TargetParts {
  std::string_view path;
  std::string_view query;  // with its '?'
};

inline TargetParts parts_of_target(std::string_view target) noexcept {
  const std::size_t mark = std::min(target.find('?'), target.size());
  TargetParts parts{.path = target.substr(0, mark), .query = target.substr(mark)};
  if (parts.path.starts_with('/')) return parts;
  if (const std::size_t scheme = parts.path.find("://"); scheme != std::string_view::npos) {
    const std::size_t slash = parts.path.find('/', scheme + 3);
    parts.path = slash == std::string_view::npos ? std::string_view("/") : parts.path.substr(slash);
  }
  return parts;
}

}  // namespace onehop
