// SPDX-License-Identifier: Apache-2.0
//
// What a gRPC client understands in place of an error status: a 200 without content whose fields
// are what trailers would be ("Trailers-Only" in the protocol of gRPC over HTTP/2).
// Thread: any; pure functions.
#pragma once

#include <onehop/error.hpp>
#include <onehop/response.hpp>

#include <string_view>

namespace onehop {

// The codes of gRPC that a proxy has a use for.
enum class GrpcStatus : std::uint8_t { deadline_exceeded = 4, internal = 13, unavailable = 14 };

GrpcStatus grpc_status_for(const Error& error) noexcept;

// `content_type`: the request's.
Response grpc_response_for(const Error& error, std::string_view content_type);

}  // namespace onehop
