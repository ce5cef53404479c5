// SPDX-License-Identifier: Apache-2.0
//
// The table that maps an Error to the status a client sees, and the short response that carries it.
// 4xx blames the client, 5xx the upstream or this proxy. Server and proxy both use it.
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/response.hpp>
#include <onehop/status.hpp>

#include <string_view>

namespace onehop {

// For the access log: the client left before its response. Never sent.
inline constexpr Status kClientClosedRequest{499};

Status status_for(const Error& error) noexcept;

// Returns a short response with content: HTML or JSON if `accept` prefers it, else text, with the
// request id unless that is "". It does not mention the upstream.
Response response_for(Status status, std::string_view accept, std::string_view request_id);

}  // namespace onehop
