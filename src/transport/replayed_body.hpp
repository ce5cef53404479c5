// SPDX-License-Identifier: Apache-2.0
//
// Restores the body of a request that is sent again: first the copy of the part that was sent, then
// the rest. Thread: owner.
#pragma once

#include <onehop/body.hpp>

#include "wire/body_progress.hpp"

#include <optional>
#include <string>

namespace onehop::transport {

// Returns the original body, made of `copy`, which `progress` has filled, and of the part of `rest`
// that was not read. std::nullopt if the body cannot be restored.
std::optional<Body> take_back(wire::BodyProgress& progress,
                              HeldString copy,
                              Body rest,
                              bool rest_has_ended);

}  // namespace onehop::transport
