// SPDX-License-Identifier: Apache-2.0
//
// The form of an error status that gRPC clients understand: a 200 without content whose header
// fields are those of the trailers ("Trailers-Only" in the gRPC over HTTP/2 protocol).
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/response.hpp>

#include <string_view>

namespace onehop {

// The gRPC status codes that a proxy uses.
enum class GrpcStatus : std::uint8_t { deadline_exceeded = 4, internal = 13, unavailable = 14 };

GrpcStatus grpc_status_for(const Error& error) noexcept;

// `content_type` is the request's.
Response grpc_response_for(const Error& error, std::string_view content_type);

}  // namespace onehop
