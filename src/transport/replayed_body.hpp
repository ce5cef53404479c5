// SPDX-License-Identifier: Apache-2.0
//
// The body of a request that is sent again: the copy of what was sent, then the rest.
// Thread: owner.
#pragma once

#include <onehop/body.hpp>

#include "wire/body_progress.hpp"

#include <optional>
#include <string>

namespace onehop::transport {

// The body as it was: from `copy`, which `progress` has made, and what was not read of `rest`.
// std::nullopt if it is not available any more.
std::optional<Body> take_back(wire::BodyProgress& progress,
                              HeldString copy,
                              Body rest,
                              bool rest_has_ended);

}  // namespace onehop::transport
