// SPDX-License-Identifier: Apache-2.0

#include "http/grpc_status.hpp"

#include "http/error_status.hpp"
#include "http/field_names.hpp"

#include <string>

namespace onehop {

GrpcStatus grpc_status_for(const Error& error) noexcept {
  switch (status_for(error).code()) {
    case 408:
    case 504:
      return GrpcStatus::deadline_exceeded;
    case 502: {
      const bool broken = error.is(Errc::bad_response) || error.is(Errc::truncated) ||
                          error.is(Errc::response_head_too_large) ||
                          error.is(Errc::unexpected_upgrade);
      return broken ? GrpcStatus::internal : GrpcStatus::unavailable;
    }
    case 429:
    case 503:
      return GrpcStatus::unavailable;
    default:
      return GrpcStatus::internal;
  }
}

Response grpc_response_for(const Error& error, std::string_view content_type) {
  const Status status = status_for(error);
  std::string message = std::to_string(status.code()) + ' ';
  message += status.reason().empty() ? std::string_view("Error") : status.reason();
  Response response(Status::ok);
  response.headers().set(field::content_type, content_type);
  response.headers().set("grpc-status", std::to_string(static_cast<int>(grpc_status_for(error))));
  response.headers().set("grpc-message", message);
  return response;
}

}  // namespace onehop
