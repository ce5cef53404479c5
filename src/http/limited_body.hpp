// SPDX-License-Identifier: Apache-2.0
//
// limit_body() sets a handler's limit on the content of one request. The server's own limit applies
// before it.
// Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/request.hpp>

#include <cstdint>

namespace onehop {

// Limits the content of the request to `max` bytes. Returns Errc::body_too_large if the length of
// the content is known and larger. If the length is unknown, the read that exceeds the limit fails
// with that error; earlier pieces are delivered.
Result<void> limit_body(Request& request, std::uint64_t max);

}  // namespace onehop
