// SPDX-License-Identifier: Apache-2.0
//
// Finds sticky cookies with one name for different backends, or keys, that clients know as one
// host: each upstream would replace the cookie of the other, and no client would stay at its
// backend. Thread: any.
#pragma once

#include "config/table_contradictions.hpp"

#include <span>
#include <vector>

namespace onehop::config {

// Two of the places, the later one last.
struct SharedCookie {
  const BackendPlace* one;
  const BackendPlace* other;
};
std::vector<SharedCookie> find_shared_cookies(std::span<const BackendPlace> places);

}  // namespace onehop::config
