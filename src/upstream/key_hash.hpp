// SPDX-License-Identifier: Apache-2.0
//
// The hashes that assign requests to endpoints. They are the same in all processes and versions, so
// that all proxies of a fleet choose alike. Not for secrets. Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace onehop::upstream {

std::uint64_t hash_of(std::string_view text) noexcept;

// Returns the rank of an endpoint for `key` by rendezvous hashing: a number between 0 and 1.
// `endpoint` is the hash of the endpoint, and `weight` is above 0. The first choice of a key is the
// endpoint with the highest rank.
double rank_of(std::uint64_t key, std::uint64_t endpoint, double weight) noexcept;

}  // namespace onehop::upstream
