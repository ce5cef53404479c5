// SPDX-License-Identifier: Apache-2.0
//
// Builds error responses that gRPC clients understand: a 200 without content that has the fields of
// the trailers in its head ("Trailers-Only" in the gRPC over HTTP/2 protocol).
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/response.hpp>

#include <string_view>

namespace onehop {

// The gRPC status codes that a proxy uses.
enum class GrpcStatus : std::uint8_t { deadline_exceeded = 4, internal = 13, unavailable = 14 };

GrpcStatus grpc_status_for(const Error& error) noexcept;

// Returns the response to a request with `content_type`.
Response grpc_response_for(const Error& error, std::string_view content_type);

}  // namespace onehop
