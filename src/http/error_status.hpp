// SPDX-License-Identifier: Apache-2.0
//
// Maps an Error to the status that the client gets, and builds the short response with that status.
// 4xx blames the client, 5xx the upstream or this proxy. Server and proxy both use it.
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/response.hpp>
#include <onehop/status.hpp>

#include <string_view>

namespace onehop {

// The status in the access log if the client left before its response. It is never sent.
inline constexpr Status kClientClosedRequest{499};

Status status_for(const Error& error) noexcept;

// Returns a short response whose content is HTML or JSON if `accept` prefers it, else plain text.
// The content has the request id unless that is "", and does not mention the upstream.
Response response_for(Status status, std::string_view accept, std::string_view request_id);

}  // namespace onehop
