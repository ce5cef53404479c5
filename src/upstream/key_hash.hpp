// SPDX-License-Identifier: Apache-2.0
//
// The hashes by which requests are assigned to endpoints. They are the same in all processes and
// versions, so that all proxies of a fleet choose alike. Not for secrets. Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace onehop::upstream {

std::uint64_t hash_of(std::string_view text) noexcept;

// Rendezvous hashing: the number between 0 and 1 that `key` has for an endpoint with the hash
// `endpoint`, for a `weight` above 0. The endpoint with the highest number is its first choice.
double rank_of(std::uint64_t key, std::uint64_t endpoint, double weight) noexcept;

}  // namespace onehop::upstream
