// SPDX-License-Identifier: Apache-2.0
//
// The line a failed exchange leaves in the log of a server that has no on_exchange_end of its own.
#pragma once

#include <onehop/exchange.hpp>

#include <string>

namespace onehop::server {

// 10.0.0.7 "GET /x" 502: connect: Connection refused ... (upstream 127.0.0.1:8000, attempt 1)
std::string describe_failure(const Exchange& exchange);

}  // namespace onehop::server
