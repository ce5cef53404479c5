// SPDX-License-Identifier: Apache-2.0
//
// parts_of_target() splits a request target, as received, into path and query for logs: "/a?b" and
// "http://h/a?b" both into "/a" and "?b".
// Thread: any.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace onehop {

// Views of the target. The path of an absolute target without a path is "/".
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
