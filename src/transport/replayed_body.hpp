// SPDX-License-Identifier: Apache-2.0
//
// The body of a request that is to be sent again: what was kept of it first, then the rest. One
// thread.
#pragma once

#include <onehop/body.hpp>

#include "wire/body_progress.hpp"

#include <optional>
#include <string>

namespace onehop::transport {

// The body as it was, from the copy that `progress` has made, which is given, and what was not read
// of `rest`. Nothing when that is not to be had any more.
std::optional<Body> take_back(wire::BodyProgress& progress,
                              HeldString copy,
                              Body rest,
                              bool rest_has_ended);

}  // namespace onehop::transport
