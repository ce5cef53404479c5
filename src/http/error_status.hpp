// SPDX-License-Identifier: Apache-2.0
//
// The one table from Error to the status a client sees, and the short answer that carries it.
// 4xx blames the client, 5xx the upstream or this proxy. Used by the server and the proxy alike.
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/response.hpp>
#include <onehop/status.hpp>

#include <string_view>

namespace onehop {

// For the access log: the client left before its answer. Never sent.
inline constexpr Status kClientClosedRequest{499};

Status status_for(const Error& error) noexcept;

// A short answer that is never empty: HTML or JSON where `accept` prefers it, else text, with the
// id of the request unless that is "". Says nothing about the upstream.
Response response_for(Status status, std::string_view accept, std::string_view request_id);

}  // namespace onehop
