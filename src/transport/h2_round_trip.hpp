// SPDX-License-Identifier: Apache-2.0
//
// A request's way to an upstream that speaks HTTP/2, and back. One thread.
#pragma once

#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "transport/connection_pool.hpp"

#include <optional>

namespace onehop::transport {

// `repeatable`: doing it twice is harmless. Nothing when the upstream turns out to speak HTTP/1.1,
// or asks for it; the request is then as it was.
task<std::optional<Result<Response>>> h2_round_trip(ConnectionPool& pool,
                                                    Request& request,
                                                    bool repeatable);

}  // namespace onehop::transport
