// SPDX-License-Identifier: Apache-2.0
//
// A request's way to an upstream that speaks HTTP/2, and back. One thread.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "transport/connection_pool.hpp"
#include "transport/resend.hpp"

#include <optional>

namespace onehop::transport {

// std::nullopt when the upstream turns out to speak HTTP/1.1, or asks for it; the request is then
// as it was. `resend` is of this request.
task<std::optional<Result<Response>>> h2_round_trip(ConnectionPool& pool,
                                                    Request& request,
                                                    Resend& resend);

}  // namespace onehop::transport
