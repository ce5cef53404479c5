// SPDX-License-Identifier: Apache-2.0

#include "proxy/error_response.hpp"

#include <onehop/reverse_proxy.hpp>

#include "http/error_status.hpp"
#include "http/field_names.hpp"
#include "http/grpc_status.hpp"
#include "http/media_type.hpp"

namespace onehop {

Response error_response_for(std::string_view accept,
                            std::string_view content_type,
                            std::string_view request_id,
                            const Error& error) {
  if (is_grpc(content_type)) return grpc_response_for(error, content_type);
  Status status = status_for(error);
  // The status is for logs only. If the client still reads, its request was incomplete.
  if (status == kClientClosedRequest) status = Status::bad_request;
  return response_for(status, accept, request_id);
}

Response default_error_response(const Request& in, const Error& error) {
  return error_response_for(in.headers().get_or_empty(field::accept),
                            in.headers().get_or_empty(field::content_type),
                            in.headers().get_or_empty(field::x_request_id), error);
}

Response response_to(const Request& request, Status status) {
  const bool has_content = !status.forbids_body() && status != Status::reset_content;
  if (!has_content) return Response(status);
  return response_for(status, request.headers().get_or_empty(field::accept),
                      request.headers().get_or_empty(field::x_request_id));
}

}  // namespace onehop
