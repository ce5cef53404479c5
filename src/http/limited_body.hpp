// SPDX-License-Identifier: Apache-2.0
//
// limit_body(): a limit for the content of one request, as a handler sets it. That of the server
// counts first.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/request.hpp>

#include <cstdint>

namespace onehop {

// Allows the request `max` bytes of content. Errc::body_too_large if its head says that it has
// more. If that is not known, reading it fails with the same once it has more; all pieces before
// are delivered.
Result<void> limit_body(Request& request, std::uint64_t max);

}  // namespace onehop
