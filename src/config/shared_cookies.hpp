// SPDX-License-Identifier: Apache-2.0
//
// Finds upstreams that set a sticky cookie of the same name for the same host but have different
// backends or keys. Each would replace the other's cookie, so no client would stay at its backend.
// Thread: any.
#pragma once

#include "config/table_contradictions.hpp"

#include <span>
#include <vector>

namespace onehop::config {

// Two places that share a cookie, in the order of the places.
struct SharedCookie {
  const BackendPlace* one;
  const BackendPlace* other;
};
std::vector<SharedCookie> find_shared_cookies(std::span<const BackendPlace> places);

}  // namespace onehop::config
